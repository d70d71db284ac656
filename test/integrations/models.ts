/**
 * @file Models for the tests of the adapters, in one thread, and what the engine answers without an adapter.
 */
import { fileURLToPath } from 'node:url';
import { Embedder, type LoadOptions, Reranker } from '../../src/index.ts';

const root = new URL('../../', import.meta.url);

export const load: LoadOptions = { backend: 'reference', worker: false };
export const embedderPath = fileURLToPath(new URL('test/fixtures/models/bert-mean.gguf', root));
export const rerankerPath = fileURLToPath(new URL('test/fixtures/models/bert-rank.gguf', root));
export const bundledPath = fileURLToPath(new URL('models/all-MiniLM-L6-v2-Q8_0.gguf', root));

export const texts = ['hello', 'another text', 'a third one'];
export const prompts = { query: 'query: ', document: 'passage: ' };
export const query = 'which text?';

/** Vectors of `texts` as lists of numbers, with a prompt before each. */
export async function vectorsOf(embedder: Embedder, inputs: readonly string[], prompt = ''): Promise<number[][]> {
  const { vectors } = await embedder.embed(inputs.map((text) => prompt + text));
  return vectors.map((vector) => Array.from(vector));
}

/** A loaded model of each kind, and the ranking of `texts` for `query`, as probabilities. */
export async function loadModels() {
  const embedder = await Embedder.load(embedderPath, load);
  const reranker = await Reranker.load(rerankerPath, load);
  const { results } = await reranker.rank(query, texts, { scores: 'probability' });
  return { embedder, reranker, ranked: results, dispose: () => Promise.all([embedder.dispose(), reranker.dispose()]) };
}
