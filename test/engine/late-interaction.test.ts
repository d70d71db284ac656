/**
 * @file Ranking by late interaction: MaxSim of ColBERT models and of BGE-M3, in the library, over HTTP and on the command line, against the
 * arithmetic of the originals.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { Embedder, maxSim, Reranker, type TokenVectors, toInt8 } from '../../src/index.ts';
import { createApp } from '../../src/server/index.ts';
import { listening, run, start } from '../cli/run.ts';
import { unpackCheckout } from '../convert/support.ts';
import { readJson } from '../models/support.ts';
import { floats } from '../vectors.ts';

interface ColbertFixture {
  readonly cases: readonly { text: string; scores: number[] }[];
}
interface BgeFixture {
  readonly cases: readonly { text: string; multi: string }[];
}
const colbert = readJson<ColbertFixture>('reference/own/colbert-bert.json').cases;
const bge = readJson<BgeFixture>('reference/own/bge-m3.json').cases.filter(({ text }) => text !== '');
const texts = colbert.map(({ text }) => text);

const files: Record<string, string> = {};
async function load(name: string): Promise<Reranker> {
  const folder = unpackCheckout(name);
  files[name] = join(dirname(folder), 'model.gguf');
  await convertFolder(folder, files[name], 'F32');
  return Reranker.load(files[name], { backend: 'reference', worker: false });
}
let ranker: Reranker;
let m3: Reranker;
beforeAll(async () => {
  ranker = await load('colbert-bert');
  m3 = await load('bge-m3');
});
afterAll(async () => {
  await Promise.all([ranker?.dispose(), m3?.dispose()]);
  for (const file of Object.values(files)) rmSync(dirname(file), { recursive: true });
});

/** Scores in the order of the documents. */
function inOrder(results: readonly { index: number; score: number }[]): number[] {
  return results.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
}

/** The mean over the vectors of the query, in plain loops. */
function meanOf(a: Float32Array, b: Float32Array, width: number): number {
  const dot = (i: number, j: number) =>
    Array.from({ length: width }, (_, c) => a[i * width + c] * b[j * width + c]).reduce((x, y) => x + y, 0);
  const [n, m] = [a.length / width, b.length / width];
  const best = Array.from({ length: n }, (_, i) => Math.max(...Array.from({ length: m }, (_, j) => dot(i, j))));
  return best.reduce((x, y) => x + y, 0) / n;
}

describe('Reranker', () => {
  it('scores by the sum of MaxSim, as ColBERT does', async () => {
    expect(ranker.info).toMatchObject({ pooling: 'none', maxSim: 'sum', rankOutputs: undefined });
    for (const { text, scores } of colbert) {
      const { results, nTokens } = await ranker.rank(text, texts, { truncate: true });
      expect(nTokens[0]).toBe(32 + ranker.embedder.tokenize(texts[0]).length + 1);
      for (const [i, score] of inOrder(results).entries()) expect(Math.abs(score - scores[i])).toBeLessThan(1e-4);
      const sorted = results.map(({ score }) => score);
      expect(sorted).toEqual(sorted.toSorted((a, b) => b - a));
    }
  });

  it('scores by the mean, as BGE-M3 does', async () => {
    expect(m3.info).toMatchObject({ pooling: 'cls', maxSim: 'mean' });
    const documents = bge.map(({ text }) => text);
    for (const { text, multi } of bge) {
      const { results } = await m3.rank(text, documents);
      for (const [i, score] of inOrder(results).entries()) {
        expect(Math.abs(score - meanOf(floats(multi), floats(bge[i].multi), 32))).toBeLessThan(1e-4);
      }
    }
  });

  it('has scales on which scores are between 0 and 1, in the same order', async () => {
    const [raw, probability, logit] = await Promise.all(
      (['raw', 'probability', 'logit'] as const).map((scores) => ranker.rank(texts[1], texts, { scores, topN: 4 })),
    );
    expect(probability.results.map(({ index }) => index)).toEqual(raw.results.map(({ index }) => index));
    for (const [i, { score }] of probability.results.entries()) {
      expect(score).toBeGreaterThan(0);
      expect(score).toBeLessThan(1);
      expect(score).toBeCloseTo(0.5 + raw.results[i].score / 64, 5);
      expect(1 / (1 + Math.exp(-logit.results[i].score))).toBeCloseTo(score, 6);
    }
    const { results } = await m3.rank(bge[0].text, [bge[0].text], { scores: 'logit' });
    expect(Number.isFinite(results[0].score)).toBe(true);
  });

  it('keeps the order of equal documents, and takes none', async () => {
    const { results } = await ranker.rank('a', ['same', 'other words', 'same']);
    const same = results.filter(({ index }) => index !== 1);
    expect(same.map(({ index }) => index)).toEqual([0, 2]);
    expect((await ranker.rank('a', [])).results).toEqual([]);
    const parts = await ranker.rank({ text: 'a' }, [[{ text: 'sa' }, { text: 'me' }], 'same']);
    expect(parts.results[0].score).toBe(parts.results[1].score);
  });

  it('says how much memory its vectors take before it computes them', async () => {
    const sizes: number[] = [];
    const { nTokens } = await ranker.rank('a text', ['b', 'a text'], { onSize: (n) => sizes.push(n) });
    expect(sizes).toEqual([32 * 16, (nTokens[0] + nTokens[1] - 2 * 32) * 16]);
    const onSize = () => {
      throw new Error('too much');
    };
    await expect(ranker.rank('a text', ['b'], { onSize })).rejects.toThrow('too much');
  });

  it('names what it refuses', async () => {
    await expect(ranker.rank('a', ['b', 5 as never])).rejects.toThrow('document 1 is not a string');
    await expect(ranker.rank('a', [{ image: 'x.png' }])).rejects.toThrow('ranks no images');
    await expect(ranker.rank('a \ud800', ['b'])).rejects.toThrow('the query has half of a surrogate pair');
    const long = 'word '.repeat(400);
    await expect(ranker.rank(long, ['b'])).rejects.toThrow(/^the query has \d+ tokens, but the context is 256/);
    await expect(ranker.rank('a', ['b', long])).rejects.toThrow(/^input 1 has \d+ tokens/);
    const { truncated } = await ranker.rank('a', ['b', long], { truncate: true });
    expect(truncated).toEqual([false, true]);
  });

  it('takes an embedder that is loaded', async () => {
    const embedder = await Embedder.load(files['bge-m3'], { backend: 'reference', worker: false });
    const { results } = await Reranker.from(embedder).rank(bge[0].text, [bge[1].text]);
    const other = await m3.rank(bge[0].text, [bge[1].text]);
    expect(results).toEqual(other.results);
    await embedder.dispose();
  });
});

describe('maxSim', () => {
  const vectors = (dimensions: number, ...values: number[]): TokenVectors => {
    return { values: Float32Array.from(values), dimensions };
  };
  it('sums the largest products', () => {
    const query = vectors(2, 1, 0, 0, 1);
    expect(maxSim(query, vectors(2, 0.5, 0.25, -1, 0.75))).toBe(1.25);
    expect(maxSim(query, vectors(2, -1, -1))).toBe(-2);
    expect(maxSim(query, vectors(2))).toBe(0);
    expect(maxSim(vectors(2), query)).toBe(0);
    expect(() => maxSim(query, vectors(3, 1, 2, 3))).toThrow('vectors of 2 and of 3 dimensions');
  });

  it('takes float32 of another realm as it is', () => {
    const query = runInNewContext('({ values: Float32Array.of(3, 4), dimensions: 2 })');
    expect(maxSim(query, query)).toBe(25);
  });

  it.each([0, -2, 0.5, 3, Number.NaN])('refuses values that are no vectors of %d dimensions', (dimensions) => {
    const wrong = vectors(dimensions, 1, 2, 3, 4);
    expect(() => maxSim(wrong, wrong)).toThrow(RangeError);
    expect(() => toInt8(wrong)).toThrow(`4 values are no whole number of vectors of ${dimensions} dimensions`);
  });

  it('of int8 is near that of float32', async () => {
    const options = { output: ['multi'] } as const;
    const { multi: queries = [] } = await ranker.embedder.embed(texts.slice(0, 3), { ...options, inputType: 'query' });
    const { multi: documents = [] } = await ranker.embedder.embed(texts, options);
    for (const query of queries) {
      for (const document of documents) {
        const expected = maxSim(query, document);
        expect(Math.abs(maxSim(toInt8(query), toInt8(document)) - expected)).toBeLessThan(0.1);
        expect(Math.abs(maxSim(query, toInt8(document)) - expected)).toBeLessThan(0.1);
      }
    }
    const { values, dimensions } = toInt8(documents[0]);
    expect(dimensions).toBe(16);
    for (let at = 0; at < values.length; at += 16) {
      expect(Math.max(...values.subarray(at, at + 16).map(Math.abs))).toBe(127);
    }
    expect(maxSim(toInt8(vectors(2, 0, 0)), toInt8(vectors(2, 0, 0)))).toBe(0);
  });
});

describe('HTTP', () => {
  const ask = async (path: string, body: unknown) => {
    const app = createApp(ranker.embedder);
    const url = `http://localhost${path}`;
    const answer = await app.fetch(new Request(url, { method: 'POST', body: JSON.stringify(body) }));
    return { status: answer.status, json: await answer.json() };
  };
  it.each([
    ['/v1/rerank', 'documents', 'relevance_score', 'raw'],
    ['/rerank', 'texts', 'score', 'raw'],
    ['/v2/rerank', 'documents', 'relevance_score', 'probability'],
  ] as const)('%s ranks with %s', async (path, field, name, scores) => {
    const { results } = await ranker.rank(texts[2], texts, { truncate: true, scores });
    const { status, json } = await ask(path, { query: texts[2], [field]: texts, truncate: true });
    expect(status).toBe(200);
    const answered: Record<string, number>[] = json.results ?? json;
    expect(answered.map(({ index }) => index)).toEqual(results.map(({ index }) => index));
    for (const [i, one] of answered.entries()) expect(one[name]).toBeCloseTo(results[i].score, 4);
  });

  it('/v1/embeddings gives int8 vectors of queries, by the name of a prompt', async () => {
    const { multi = [] } = await ranker.embedder.embed('a text', { output: ['multi'], inputType: 'query' });
    const body = { input: 'a text', output: ['multi'], output_dtype: 'int8', prompt_name: 'query' };
    const { json } = await ask('/v1/embeddings', body);
    expect(json.data[0].multi.flat()).toEqual([...toInt8(multi[0]).values]);
    expect(json.usage.total_tokens).toBe(32);
    const dense = await ask('/v1/embeddings', { input: 'a text' });
    expect(dense.status).toBe(400);
    expect(dense.json.error.message).toContain('or ask for "output": ["multi"]');
  });
});

it('the command serve says how to ask, and ranks without a flag', async () => {
  const server = await listening(
    start(['serve', '-m', files['colbert-bert'], '--port', '0', '--backend', 'reference']),
  );
  const ask = async (path: string, body: string) => {
    const answer = await fetch(`${server.url}${path}`, { method: 'POST', body });
    return { status: answer.status, json: await answer.json() };
  };
  const ranked = await ask('/rerank', JSON.stringify({ query: 'a text', documents: ['b', 'a text'] }));
  expect(ranked).toMatchObject({ status: 200, json: { results: [{ index: 1 }, { index: 0 }] } });
  server.child.kill('SIGTERM');
  const { stderr } = await server.end;
  expect(stderr).toContain('a vector of 16 dimensions for each token, context 256 tokens');
  const [, path, body] = /try: curl http:\/\/[^/]+(\S+) .* -d '(.*)'\n/.exec(stderr) ?? [];
  const app = createApp(ranker.embedder);
  const answer = await app.fetch(new Request(`http://localhost${path}`, { method: 'POST', body }));
  expect((await answer.json()).data[0].multi).toHaveLength(32);
});

it('the command rerank prints scores', async () => {
  const path = join(dirname(files['colbert-bert']), 'documents.txt');
  writeFileSync(path, 'a text\nother words');
  const { results } = await ranker.rank('a text', ['a text', 'other words']);
  const words = ['rerank', '-m', files['colbert-bert'], '-q', 'a text', '-f', path, '--json', '--backend', 'reference'];
  const { stdout, code } = await run(words);
  expect(code).toBe(0);
  const printed = JSON.parse(stdout) as { index: number; score: number; text: string }[];
  expect(printed.map(({ index }) => index)).toEqual(results.map(({ index }) => index));
  for (const [i, { score }] of printed.entries()) expect(score).toBeCloseTo(results[i].score, 4);
});
