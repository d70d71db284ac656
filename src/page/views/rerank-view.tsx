/**
 * @file The view of a query and documents: their scores by a reranker and by vectors, and the two orders.
 */
import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { setSetting, setting } from '../address.ts';
import { SecondChoice } from '../model/second-choice.tsx';
import { kendallTau, orderBy, placesOf, shares } from '../rerank/orders.ts';
import { chosenModels, type Scores, useScores } from '../rerank/use-scores.ts';
import { dataset } from '../state.ts';
import { TextInput } from '../widgets/text-input.tsx';
import { scoreText, t } from '../words/words.ts';

/** Most documents: a reranker computes each of them with the query. */
const RANK_LIMIT = 200;

/** Kept while other views are open. */
const query = signal('');

/** Ranks the texts that are typed or opened here. */
export function RerankView() {
  const { texts } = dataset.value;
  const documents = useMemo(() => texts.slice(0, RANK_LIMIT), [texts]);
  const { scores, progress } = useScores(query.value.trim(), documents);
  const { ranker, embedder } = chosenModels();
  return (
    <>
      <TextInput isTextOnly />
      <p class="hint">{t('queryHint')}</p>
      <div class="controls">
        <label>
          {t('query')}{' '}
          <input
            type="search"
            value={query.value}
            onInput={({ currentTarget }) => (query.value = currentTarget.value)}
          />
        </label>
      </div>
      {ranker === undefined && embedder === undefined && <p class="hint">{t('needModel')}</p>}
      {ranker === undefined && embedder !== undefined && <p class="hint">{t('noRanker', { name: embedder.name })}</p>}
      {ranker !== undefined && embedder === undefined && <p class="hint">{t('noEmbedder', { name: ranker.name })}</p>}
      <SecondChoice />
      {texts.length < 2 && <p class="hint">{t('needDocuments')}</p>}
      {texts.length > RANK_LIMIT && <p class="hint">{t('rankLimit', { count: RANK_LIMIT })}</p>}
      <p class="hint" role="status">
        {progress}
      </p>
      {scores !== undefined && <Ranked {...scores} />}
    </>
  );
}

function Ranked({ documents, ranker, vectors }: Scores) {
  const both = ranker !== undefined && vectors !== undefined;
  const percent = both ? Math.max(0, Math.min(100, Number(setting('mix') || 100))) : 100;
  const columns = [
    ...(ranker === undefined ? [] : [{ by: t('byRanker'), name: 'ranker', scores: ranker, weight: percent }]),
    ...(vectors === undefined
      ? []
      : [{ by: t('byVectors'), name: 'vectors', scores: vectors, weight: both ? 100 - percent : 100 }]),
  ].map((column) => ({ ...column, places: placesOf(column.scores), lengths: shares(column.scores) }));
  const mixed = documents.map((_, i) => columns.reduce((sum, { lengths, weight }) => sum + lengths[i] * weight, 0));
  return (
    <section aria-labelledby="h-ranked">
      <h2 id="h-ranked">{t('rankedList')}</h2>
      {both && (
        <>
          <p class="hint" id="order-hint">
            {t('orderHint')}
          </p>
          <label class="range">
            {t('order')}
            <input
              type="range"
              min={0}
              max={100}
              step={5}
              value={percent}
              aria-valuetext={t('orderValue', { percent })}
              aria-describedby="order-hint"
              onInput={({ currentTarget }) =>
                setSetting('mix', currentTarget.value === '100' ? '' : currentTarget.value)
              }
            />
          </label>
          <p>{t('orderTau', { tau: scoreText(kendallTau(ranker, vectors)) })}</p>
        </>
      )}
      <ol class="ranked">
        {orderBy(mixed).map((i) => (
          <li key={i}>
            {documents[i]}
            {columns.map(({ by, name, scores, places, lengths }) => (
              <div key={name} class={`score ${name}`}>
                <div aria-hidden="true">
                  <div class="length" style={{ width: `${100 * lengths[i]}%` }} />
                </div>
                <small>{t('rankedScore', { by, score: scoreText(scores[i]), place: places[i] })}</small>
              </div>
            ))}
          </li>
        ))}
      </ol>
    </section>
  );
}
