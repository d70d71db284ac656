/**
 * @file Bodies nobody thought of: never a 500, never a wrong 200. `BODY_FUZZ_RUNS` asks for more.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, createApp } from '../../src/server/index.ts';
import { fixture } from './http-fixture.ts';

const numRuns = Number(process.env.BODY_FUZZ_RUNS ?? 300);

let embedder: Embedder;
let ranker: Embedder;
let apps: App[];
beforeAll(async () => {
  const options = { backend: 'reference', worker: false } as const;
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), options);
  ranker = await Embedder.load(fixture('models/bert-rank.gguf'), options);
  apps = [
    createApp(embedder, { bodyLimit: 4096, prompts: { query: 'q: ' } }),
    createApp(embedder, { bodyLimit: 4096, cacheSize: 5 }),
    createApp(ranker, { bodyLimit: 4096 }),
  ];
});
afterAll(async () => {
  await embedder?.dispose();
  await ranker?.dispose();
});

const paths = ['/v1/embeddings', '/embedding', '/rerank', '/tokenize', '/detokenize', '/props'];
const names = ['input', 'content', 'query', 'documents', 'texts', 'tokens', 'top_n', 'encoding_format', 'dimensions'];
const more = [
  'embd_normalize',
  'truncate',
  'truncation_direction',
  'prompt_name',
  'output_dtype',
  'with_pieces',
  'model',
];
const small = fc.oneof(
  fc.string({ maxLength: 30, unit: 'binary' }),
  fc.integer({ min: -2, max: 1400 }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('float', 'base64', 'int8', 'left', 'query', '[SEP]', 'a', '__proto__'),
);
const value = fc.oneof(
  small,
  fc.array(small, { maxLength: 6 }),
  fc.array(fc.array(small, { maxLength: 4 }), { maxLength: 4 }),
  fc.dictionary(fc.constantFrom('prompt_string', 'multimodal_data', 'x'), small, { maxKeys: 2 }),
  fc.array(fc.constantFrom('one', 'two words', ''), { maxLength: 4 }),
);
const fields = fc.dictionary(fc.constantFrom(...names, ...more), value, { maxKeys: 6 });

async function ask(app: App, path: string, body: string | Uint8Array<ArrayBuffer>) {
  const answer = await app.fetch(new Request(`http://localhost${path}`, { method: 'POST', body }));
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

function checkError(status: number, json: Record<string, unknown>): void {
  expect([400, 413, 501]).toContain(status);
  const { code, message, type } = json.error as Record<string, unknown>;
  expect(code).toBe(status);
  expect(typeof type).toBe('string');
  expect(message).toMatch(/\S/);
}

describe('any body', () => {
  it('of plausible fields is answered rightly or refused with a reason', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.constantFrom(...paths), fields, async (which, path, body) => {
        const text = JSON.stringify(body);
        const { status, json } = await ask(apps[which], path, text);
        if (status !== 200) return checkError(status, json);
        if (path === '/v1/embeddings' && 'input' in body) {
          const list = Array.isArray(body.input) && !body.input.some(Number.isInteger) ? body.input.length : 1;
          const data = json.data as { embedding: number[] | string; index: number }[];
          expect(data.map(({ index }) => index)).toEqual(Array.from({ length: list }, (_, i) => i));
          for (const { embedding } of data) {
            if (typeof embedding !== 'string') for (const x of embedding) expect(Number.isFinite(x)).toBe(true);
          }
        } else if (path === '/tokenize') expect(Array.isArray(json.tokens)).toBe(true);
        else if (path === '/detokenize') expect(typeof json.content).toBe('string');
        else if (path === '/rerank') {
          const results = (json.results ?? json) as { index: number }[];
          expect(new Set(results.map(({ index }) => index)).size).toBe(results.length);
        }
      }),
      { numRuns },
    );
  });

  it('of any JSON, or of bytes that are none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.constantFrom(...paths),
        fc.oneof(fc.json(), fc.string(), fc.uint8Array({ maxLength: 60 })),
        async (which, path, body) => {
          const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body);
          const { status, json } = await ask(apps[which], path, bytes);
          if (status !== 200) checkError(status, json);
        },
      ),
      { numRuns },
    );
  });

  it('cut or with a byte changed', async () => {
    const good = JSON.stringify({ input: ['a text', [101, 142, 102], 'ü "quoted" \\'], dimensions: 8, truncate: true });
    const bytes = new TextEncoder().encode(good);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), async (at, byte, cut) => {
        const body = cut ? bytes.slice(0, at) : bytes.with(at, byte);
        const { status, json } = await ask(apps[0], '/v1/embeddings', new Uint8Array(body));
        if (status !== 200) checkError(status, json);
      }),
      { numRuns },
    );
  });
});

it('embeds the same, however it is asked', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 4 }), async (input) => {
      const [app, cached] = apps;
      const float = await ask(app, '/v1/embeddings', JSON.stringify({ input }));
      const base64 = await ask(app, '/v1/embeddings', JSON.stringify({ input, encoding_format: 'base64' }));
      const native = await ask(cached, '/embedding', JSON.stringify({ content: input }));
      for (const i of input.keys()) {
        const { embedding } = (float.json.data as { embedding: number[] }[])[i];
        const bytes = Buffer.from((base64.json.data as { embedding: string }[])[i].embedding, 'base64');
        expect(Array.from(embedding, Math.fround)).toEqual(embedding.map((_, k) => bytes.readFloatLE(4 * k)));
        expect((native.json as unknown as { embedding: number[][] }[])[i].embedding).toEqual([embedding]);
      }
    }),
    { numRuns: Math.ceil(numRuns / 10) },
  );
});
