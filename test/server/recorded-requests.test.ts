/**
 * @file The requests and limits that were recorded for single models: all forms of input, base64, rerank formats, context sizes.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, createApp } from '../../src/server/index.ts';
import { cosine, floats, lengthRatio } from '../vectors.ts';
import { fixture } from './http-fixture.ts';

interface Recorded {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly status: number;
  readonly response: unknown;
}

interface Limit {
  readonly server_flags: readonly string[];
  readonly n_tokens?: number;
  readonly token?: number;
  readonly status: number;
  readonly embedding?: string;
}

const models = ['embed/bert-mean', 'embed/bert-cls', 'embed/qwen3', 'rank/bert-rank', 'rank/bert-rank-labels'];

function near(ours: ArrayLike<number>, theirs: ArrayLike<number>, where: string): void {
  expect(ours.length, where).toBe(theirs.length);
  expect(1 - cosine(ours, theirs), where).toBeLessThan(1e-5);
  expect(Math.abs(lengthRatio(ours, theirs) - 1), where).toBeLessThan(1e-2);
}

/** Compares keys in order, vectors and scores by tolerance, everything else exactly. */
function same(ours: unknown, theirs: unknown, where = ''): void {
  if (typeof theirs === 'string' && Array.isArray(ours)) near(ours, floats(theirs), where);
  else if (typeof theirs === 'string' && where.endsWith('.embedding'))
    near(floats(ours as string), floats(theirs), where);
  else if (where.endsWith('score')) expect(ours, where).toBeCloseTo(theirs as number, 2);
  else if (typeof theirs === 'object' && theirs !== null) {
    expect(Object.keys(ours as object), where).toEqual(Object.keys(theirs));
    for (const [key, value] of Object.entries(theirs)) {
      same((ours as Record<string, unknown>)[key], value, `${where}.${key}`);
    }
  } else expect(ours, where).toEqual(theirs);
}

for (const path of models) {
  const name = path.split('/')[1];
  const { requests, limits = [] } = JSON.parse(readFileSync(fixture(`reference/${path}.json`), 'utf8')) as {
    requests: Recorded[];
    limits?: Limit[];
  };
  describe(name, () => {
    let embedder: Embedder;
    let app: App;
    beforeAll(async () => {
      embedder = await Embedder.load(fixture(`models/${name}.gguf`), { backend: 'reference', worker: false });
      app = createApp(embedder);
    });
    afterAll(() => embedder?.dispose());

    const post = (to: App, url: string, body: unknown) =>
      to.fetch(new Request(`http://localhost${url}`, { method: 'POST', body: JSON.stringify(body) }));

    for (const [i, { path: url, body, status, response }] of requests.entries()) {
      it(`${i} ${url} ${JSON.stringify(body).slice(0, 60)}`, async () => {
        const { dimensions, ...others } = body;
        // llama-server ignores `dimensions`, here it is obeyed.
        const answer = await post(app, url, others);
        // A mistake of the client is 400 here, always.
        expect(answer.status).toBe(status === 500 ? 400 : status);
        if (status === 200) same(await answer.json(), response);
        if (dimensions !== undefined) expect((await post(app, url, body)).status).toBe(200);
      });
    }

    // Longer ones are for faster backends than this one.
    const plain = limits.filter(
      ({ server_flags, token, n_tokens = 0 }) => token !== undefined && !server_flags.includes('-c') && n_tokens <= 512,
    );
    if (plain.length === 0) return;
    it('takes inputs up to the context of the model and refuses longer ones by number', async () => {
      const nCtx = embedder.info.nCtx;
      for (const { n_tokens = 0, token, embedding = '' } of plain) {
        const answer = await post(app, '/v1/embeddings', { input: Array(n_tokens).fill(token) });
        expect(answer.status).toBe(200);
        near((await answer.json()).data[0].embedding, floats(embedding), String(n_tokens));
      }
      const longer = await post(app, '/v1/embeddings', { input: Array(nCtx + 1).fill(plain[0].token) });
      expect(longer.status).toBe(400);
      expect((await longer.json()).error).toMatchObject({
        type: 'exceed_context_size_error',
        n_prompt_tokens: nCtx + 1,
        n_ctx: nCtx,
      });
    });
  });
}
