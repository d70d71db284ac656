/**
 * @file The view of texts: tokens, similarities, nearest texts.
 */
import { useEffect, useState } from 'preact/hooks';
import { setSetting, setting } from '../address.ts';
import { ExportMenu } from '../export/export-menu.tsx';
import { layout } from '../maths/layout.ts';
import { useNeighbours } from '../maths/use-neighbours.ts';
import { Thumbnail } from '../pictures/thumbnail.tsx';
import { embedded, model, report } from '../state.ts';
import { HeatMap } from '../widgets/heat-map.tsx';
import { ModelHint } from '../widgets/model-hint.tsx';
import { NearestList } from '../widgets/nearest-list.tsx';
import { LIST_LIMIT, TextChoice } from '../widgets/text-choice.tsx';
import { TextInput } from '../widgets/text-input.tsx';
import { TokenList } from '../widgets/token-list.tsx';
import { t } from '../words/words.ts';

/** Shows the texts that are typed or opened here. */
export function TextsView() {
  const chosen = Number(setting('row')) || 0;
  const setChosen = (index: number) => setSetting('row', index === 0 ? '' : `${index}`);
  const current = embedded.value;
  const n = current?.texts.length ?? 0;
  const at = chosen > 0 && chosen < Math.min(n, LIST_LIMIT) ? chosen : 0;
  return (
    <>
      <TextInput />
      {current === undefined && <ModelHint />}
      {current !== undefined && (
        <>
          <section aria-labelledby="h-list">
            <h2 id="h-list">{t('list')}</h2>
            <p class="hint">{t('listHint')}</p>
            <TextChoice texts={current.texts} chosen={at} onChoose={setChosen} />
          </section>
          {current.pictures.has(at) ? (
            <Thumbnail index={at} />
          ) : (
            model.value !== undefined && <TokenList model={model.value} text={current.texts[at]} />
          )}
          {n > 1 ? (
            <Similarity key={current} texts={current.texts} chosen={at} onChoose={setChosen} />
          ) : (
            <p class="hint">{t('needTexts')}</p>
          )}
          <ExportMenu />
        </>
      )}
    </>
  );
}

/** What depends on the vectors. */
interface SimilarityProps {
  readonly texts: readonly string[];
  readonly chosen: number;
  readonly onChoose: (index: number) => void;
}

function Similarity({ texts, chosen, onChoose }: SimilarityProps) {
  const [heat, setHeat] = useState<{ values: Float32Array; order: number[] }>();
  const isSorted = setting('sort') !== 'no';
  const nearest = useNeighbours(chosen);
  useEffect(() => {
    layout.call('similarities', { count: LIST_LIMIT }).then(setHeat, report);
  }, []);
  const plain = heat?.order.map((_, i) => i) ?? [];
  return (
    <div class="columns">
      <section aria-labelledby="h-heat">
        <h2 id="h-heat">{t('heatMap')}</h2>
        <p class="hint" id="heat-hint">
          {t('heatHint')}
        </p>
        {texts.length > LIST_LIMIT && <p class="hint">{t('heatLimit', { count: LIST_LIMIT })}</p>}
        <label class="check">
          <input type="checkbox" checked={isSorted} onChange={() => setSetting('sort', isSorted ? 'no' : '')} />{' '}
          {t('sorted')}
        </label>
        {heat !== undefined && (
          <HeatMap
            texts={texts}
            values={heat.values}
            order={isSorted ? heat.order : plain}
            chosen={chosen}
            onPoint={onChoose}
          />
        )}
      </section>
      <section aria-labelledby="h-nearest">
        <h2 id="h-nearest">{t('nearest', { text: texts[chosen] })}</h2>
        <NearestList texts={texts} nearest={nearest} onChoose={onChoose} />
      </section>
    </div>
  );
}
