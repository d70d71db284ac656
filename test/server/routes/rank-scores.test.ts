/**
 * @file The scale of the scores of /rerank, in both forms of the answer.
 */
import { expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { createApp } from '../../../src/server/index.ts';
import { fixture } from '../http-fixture.ts';

it('gives raw scores, logits or probabilities, as the server was started', async () => {
  const ranker = await Embedder.load(fixture('models/bert-rank.gguf'), { backend: 'reference', worker: false });
  const scores = async (rankScores: 'raw' | 'logit' | 'probability' | undefined, documents: 'documents' | 'texts') => {
    const body = JSON.stringify({ query: 'panda', [documents]: ['hi', 'The giant panda is a bear.'] });
    const answer = await createApp(ranker, { rankScores }).fetch(
      new Request('http://localhost/rerank', { method: 'POST', body }),
    );
    const json = await answer.json();
    const results: { score: number; relevance_score: number }[] = documents === 'texts' ? json : json.results;
    return results.map((result) => result.score ?? result.relevance_score);
  };
  for (const form of ['documents', 'texts'] as const) {
    const raw = await scores(undefined, form);
    expect(raw).toHaveLength(2);
    expect(await scores('raw', form)).toEqual(raw);
    expect(await scores('logit', form)).toEqual(raw);
    const probabilities = await scores('probability', form);
    for (const [i, logit] of raw.entries()) expect(probabilities[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 6);
  }
  await ranker.dispose();
});
