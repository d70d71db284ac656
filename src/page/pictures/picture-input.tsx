/**
 * @file Where pictures come from, or what to do when the model takes none.
 */
import { openTower, usesServer } from '../model/choice.ts';
import { model, report } from '../state.ts';
import { DropZone } from '../widgets/drop-zone.tsx';
import { t } from '../words/words.ts';
import { addPicture, clearPictures, PICTURE_TYPES, pictures } from './pictures.ts';

/** An area for pictures, once a model is chosen that makes vectors. */
export function PictureInput() {
  const current = model.value;
  if (current === undefined || current.isReranker) return null;
  const count = pictures.value.length;
  return (
    <details class="pictures" open={current.takesImages}>
      <summary>{t('pictures')}</summary>
      {current.takesImages ? (
        <>
          <DropZone
            label={t('choosePictures')}
            accept={PICTURE_TYPES}
            isMultiple
            onFile={(file) => void addPicture(file).catch(report)}
          >
            <span class="hint">{t('dropPictures')}</span>
          </DropZone>
          {count > 0 && (
            <div class="controls">
              <span>{t('pictureCount', { count })}</span>
              <button type="button" onClick={clearPictures}>
                {t('clearPictures')}
              </button>
            </div>
          )}
        </>
      ) : usesServer.value ? (
        <p class="hint">{t('noTowerServer', { name: current.name })}</p>
      ) : (
        <DropZone label={t('chooseTower')} accept=".gguf" onFile={openTower}>
          <span class="hint">{t('noTower', { name: current.name })}</span>
        </DropZone>
      )}
    </details>
  );
}
