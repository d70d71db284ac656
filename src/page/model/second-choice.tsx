/**
 * @file The part of a view where the second model is chosen.
 */
import { useEffect } from 'preact/hooks';
import { setting } from '../address.ts';
import { secondModel } from '../state.ts';
import { DropZone } from '../widgets/drop-zone.tsx';
import { t } from '../words/words.ts';
import { kept, listKept, serverModels } from './choice.ts';
import { chooseSecond, choosingSecond, openSecond } from './second.ts';

/** A list of the models at hand, and an area for a file. */
export function SecondChoice() {
  const current = secondModel.value?.name ?? '';
  const names = [...new Set([...serverModels.value, ...kept.value.map(({ name }) => name)])];
  const wanted = setting('second');
  const isAtHand = names.includes(wanted);
  useEffect(() => void listKept(), []);
  useEffect(() => {
    if (isAtHand && secondModel.value === undefined) void chooseSecond(wanted);
  }, [isAtHand, wanted]);
  const loading = choosingSecond.loading.value;
  if (loading !== undefined) {
    return (
      <button type="button" onClick={() => loading.abort()}>
        {t('stop')}
      </button>
    );
  }
  return (
    <>
      {(names.length > 1 || current !== '') && (
        <label>
          {t('secondModel')}{' '}
          <select value={current} onChange={({ currentTarget }) => chooseSecond(currentTarget.value)}>
            <option value="">{t('secondNone')}</option>
            {[...new Set([...names, current])]
              .filter((name) => name !== '')
              .map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
          </select>
        </label>
      )}
      <DropZone label={t('chooseSecond')} accept=".gguf" onFile={openSecond}>
        <span class="hint">{t('dropSecond')}</span>
      </DropZone>
    </>
  );
}
