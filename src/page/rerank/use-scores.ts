/**
 * @file The scores of documents for a query, by a reranker and by the vectors of an embedding model, as state of a view.
 */
import { useEffect, useState } from 'preact/hooks';
import { dot } from '../../layout/vectors.ts';
import type { PageModel } from '../model/page-model.ts';
import { lastRequest, model, PAUSE, report, secondModel, vectorsOf } from '../state.ts';
import { t } from '../words/words.ts';

/** Scores of the documents that belong to them. */
export interface Scores {
  readonly documents: readonly string[];
  /** By the reranker. */
  readonly ranker?: readonly number[];
  /** Cosines of the vectors with that of the query. */
  readonly vectors?: readonly number[];
}

/** Documents of an example request. */
const SHOWN = 8;

/** The reranker and the embedding model among the models in use. */
export function chosenModels(): { readonly ranker?: PageModel; readonly embedder?: PageModel } {
  const both = [model.value, secondModel.value].filter((one) => one !== undefined);
  return { ranker: both.find((one) => one.isReranker), embedder: both.find((one) => !one.isReranker) };
}

/** The scores, once they are computed, those before them until then; and what is going on, for people. */
export function useScores(
  query: string,
  documents: readonly string[],
): { readonly scores: Scores | undefined; readonly progress: string } {
  const [scores, setScores] = useState<Scores>();
  const [progress, setProgress] = useState('');
  const { ranker, embedder } = chosenModels();
  useEffect(() => {
    const isReady = query !== '' && documents.length > 1 && (ranker ?? embedder) !== undefined;
    setProgress('');
    if (!isReady) return setScores(undefined);
    const stop = new AbortController();
    const { signal } = stop;
    const compute = async () => {
      const onProgress = (done: number) => {
        if (!signal.aborted) setProgress(t('ranking', { done, total: documents.length }));
      };
      const found = {
        documents,
        ranker: await ranker?.rank(query, documents, { signal, onProgress }),
        vectors: embedder && (await similarities(embedder, query, documents, signal, setProgress)),
      };
      if (signal.aborted) return;
      setScores(found);
      setProgress(t('ranked', { count: documents.length }));
      lastRequest.value =
        ranker === undefined
          ? { path: 'v1/embeddings', body: { model: embedder?.name, input: [query, ...documents.slice(0, SHOWN)] } }
          : { path: 'v1/rerank', body: { model: ranker.name, query, documents: documents.slice(0, SHOWN) } };
    };
    const timer = setTimeout(() => compute().catch(report), PAUSE);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [query, documents, ranker, embedder]);
  return { scores, progress };
}

async function similarities(
  embedder: PageModel,
  query: string,
  documents: readonly string[],
  signal: AbortSignal,
  show: (text: string) => void,
): Promise<number[]> {
  const [first, ...others] = await vectorsOf(embedder, [query, ...documents], signal, show);
  return others.map((vector) => dot(first, vector));
}
