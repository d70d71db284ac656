/**
 * @file LoRA adapters in the library and in the server: which are applied to which call, their scales, tasks with their prompts, and mistakes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder, InputError } from '../../src/engine/index.ts';
import { createApp } from '../../src/server/index.ts';
import { adapterBytes } from '../models/adapters.ts';
import { cosine } from '../vectors.ts';

const model = new URL('../fixtures/models/bert-mean.gguf', import.meta.url);
const targets = ['blk.0.attn_q.weight', 'blk.1.ffn_up.weight', 'token_embd.weight'];
const prefix = 'represent the query: ';

let query: Uint8Array;
let passage: Uint8Array;
let embedder: Embedder;
let plain: Embedder;

beforeAll(async () => {
  const of = (task: string, seed: number, promptPrefix?: string) =>
    adapterBytes('bert-mean', targets, { seed }, ({ values }) => {
      values.set('adapter.lora.task_name', { type: 'string', value: task });
      if (promptPrefix) values.set('adapter.lora.prompt_prefix', { type: 'string', value: promptPrefix });
    });
  query = await of('retrieval.query', 1, prefix);
  passage = await of('retrieval.passage', 2);
  const where = { backend: 'wasm', worker: false } as const;
  plain = await Embedder.load(model, where);
  const lora = [
    { source: query, scale: 0 },
    { source: passage, scale: 0 },
  ];
  embedder = await Embedder.load(model, { ...where, lora });
});
afterAll(async () => {
  await Promise.all([embedder.dispose(), plain.dispose()]);
});

const text = 'what is a panda?';
const vectorOf = async (of: Embedder, input: string, options = {}) => (await of.embed(input, options)).vectors[0];

describe('embed', () => {
  it('says which adapters are loaded', () => {
    expect(embedder.info.adapters).toEqual([
      { id: 0, path: 'memory', alpha: 6, rank: 3, task: 'retrieval.query', promptPrefix: prefix },
      { id: 1, path: 'memory', alpha: 6, rank: 3, task: 'retrieval.passage', promptPrefix: '' },
    ]);
    expect(plain.info.adapters).toEqual([]);
    expect(embedder.lora).toEqual([
      { id: 0, scale: 0 },
      { id: 1, scale: 0 },
    ]);
  });

  it('gives the bits of the model without an adapter', async () => {
    expect(await vectorOf(embedder, text)).toEqual(await vectorOf(plain, text));
    expect(await vectorOf(embedder, text, { lora: [] })).toEqual(await vectorOf(plain, text));
  });

  it('applies the adapters of the call, alone and beside others', async () => {
    const [first, second, both] = await Promise.all([
      vectorOf(embedder, text, { lora: [{ id: 0, scale: 1 }] }),
      vectorOf(embedder, text, { lora: [{ id: 1, scale: 1 }] }),
      vectorOf(embedder, text, { lora: [{ id: 0, scale: 0.5 }, { id: 1, scale: 0.5 }] }), // biome-ignore format: one call
    ]);
    const base = await vectorOf(plain, text);
    const all = [base, first, second, both];
    for (const [i, a] of all.entries()) for (const b of all.slice(i + 1)) expect(cosine(a, b)).toBeLessThan(0.9999);
    expect(await vectorOf(embedder, text, { lora: [{ id: 0, scale: 1 }] })).toEqual(first);
  });

  it('keeps calls with other scales in batches of their own, with the bits that they have alone', async () => {
    const calls = Array.from({ length: 12 }, (_, i) => ({ lora: [{ id: i % 2, scale: (i % 3) * 0.5 }] }));
    const together = await Promise.all(calls.map((options) => vectorOf(embedder, text, options)));
    for (const [i, options] of calls.entries()) expect(await vectorOf(embedder, text, options)).toEqual(together[i]);
  });

  it('applies them to chunks, each with the prompt of the task', async () => {
    const long = 'The panda is a bear. It eats bamboo. It lives in the forests of China. '.repeat(2);
    for (const late of [false, true]) {
      const options = { tokens: 28, late };
      const { chunks } = await embedder.embedChunks(long, { ...options, task: 'retrieval.query' });
      expect(chunks.length).toBeGreaterThan(1);
      const same = { ...options, lora: [{ id: 0, scale: 1 }], prompt: prefix };
      expect(chunks).toEqual((await embedder.embedChunks(long, same)).chunks);
      expect(chunks[0].vector).not.toEqual((await embedder.embedChunks(long, options)).chunks[0].vector);
      if (late) continue;
      expect(chunks[1].vector).toEqual(await vectorOf(embedder, chunks[1].text, { task: 'retrieval.query' }));
    }
    await expect(embedder.embedChunks(long, { task: 'other' })).rejects.toThrow('no adapter is for the task "other"');
  });

  it('chooses the adapter and the prompt of a task', async () => {
    const asked = await vectorOf(embedder, text, { task: 'retrieval.query' });
    expect(asked).toEqual(await vectorOf(embedder, prefix + text, { lora: [{ id: 0, scale: 1 }] }));
    const answered = await vectorOf(embedder, text, { task: 'retrieval.passage' });
    expect(answered).toEqual(await vectorOf(embedder, text, { lora: [{ id: 1, scale: 1 }] }));
    const ids = embedder.tokenize(text);
    const { vectors } = await embedder.embed([ids], { task: 'retrieval.query' });
    expect(vectors[0]).toEqual(await vectorOf(embedder, text, { lora: [{ id: 0, scale: 1 }] }));
  });

  it('traces with an adapter', async () => {
    const { vector } = await embedder.trace(text, { task: 'retrieval.query' });
    expect(vector).toEqual(await vectorOf(embedder, text, { task: 'retrieval.query' }));
  });

  it('changes the scales of later calls', async () => {
    embedder.setLora([{ id: 1, scale: 1 }]);
    expect(embedder.lora[1].scale).toBe(1);
    const later = await vectorOf(embedder, text);
    embedder.setLora([]);
    expect(later).toEqual(await vectorOf(embedder, text, { lora: [{ id: 1, scale: 1 }] }));
    expect(await vectorOf(embedder, text)).toEqual(await vectorOf(plain, text));
  });

  it('applies adapters of load with their scale, 1 by default', async () => {
    for (const [lora, scale] of [
      [[query], 1],
      [[{ source: query, scale: 0.25 }], 0.25],
    ] as const) {
      const other = await Embedder.load(model, { backend: 'wasm', worker: false, lora });
      expect(await vectorOf(other, text)).toEqual(await vectorOf(embedder, text, { lora: [{ id: 0, scale }] }));
      await other.dispose();
    }
  });

  it('is named where its scale or its weights make a result NaN', async () => {
    const other =
      /a weight in the file of the model or of an adapter is, or with the scale of an adapter, numbers exceed/;
    await expect(embedder.embed(text, { lora: [{ id: 0, scale: 1e38 }] })).rejects.toThrow(other);
    const damaged = await adapterBytes('bert-mean', targets, {}, ({ tensors }) => {
      tensors.get(`${targets[0]}.lora_a`)!.values[3] = Number.NaN;
    });
    const loaded = await Embedder.load(model, { backend: 'wasm', worker: false, lora: [damaged] });
    await expect(loaded.embed(text)).rejects.toThrow(other);
    expect(await vectorOf(loaded, text, { lora: [] })).toEqual(await vectorOf(plain, text));
    await loaded.dispose();
  });

  it('is no model itself', async () => {
    const loading = Embedder.load(query, { backend: 'reference', worker: false });
    await expect(loading).rejects.toThrow('the file is an adapter for a model of the architecture bert, not a model');
  });

  it.each([1, 2])('gives the same bits in %i workers', async (threads) => {
    // Workers need the built package.
    const { Embedder: Built } = await import('gguf-embed');
    const lora = [query, { source: passage, scale: 0 }];
    const team = await Built.load(model, { backend: 'wasm', threads, lora });
    const long = `${text} `.repeat(12);
    for (const options of [{}, { lora: [] }, { lora: [{ id: 1, scale: 0.5 }] }]) {
      const expected = await vectorOf(embedder, long, { lora: [{ id: 0, scale: 1 }], ...options });
      expect((await team.embed(long, options)).vectors[0]).toEqual(expected);
    }
    await team.dispose();
  });

  it.each([
    [{ lora: [{ id: 2, scale: 1 }] }, 'no adapter has the id 2: there are 0 to 1'],
    [{ lora: [{ id: -1, scale: 1 }] }, 'lora[0].id must be the number of an adapter'],
    [{ lora: [{ id: 0.5, scale: 1 }] }, 'lora[0].id'],
    [{ lora: [{ id: 0, scale: Number.NaN }] }, 'lora[0].scale must be a finite number'],
    [{ lora: [{ id: 0, scale: 1, name: 'a' }] }, 'lora[0] has no "name"'],
    [{ lora: { id: 0, scale: 1 } }, 'lora must be a list'],
    [{ lora: ['a'] }, 'lora[0] must be an object'],
    [{ task: 'separation' }, 'no adapter is for the task "separation" (known: retrieval.query, retrieval.passage)'],
    [{ task: 'retrieval.query', lora: [] }, 'task chooses an adapter: it cannot be given with lora'],
  ])('refuses %j', async (options, message) => {
    const error = await embedder.embed(text, options as object).catch((reason) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toContain(message);
  });

  it('refuses adapters and tasks that a model does not have', async () => {
    await expect(plain.embed(text, { lora: [{ id: 0, scale: 1 }] })).rejects.toThrow('loaded without adapters');
    await expect(plain.embed(text, { task: 'retrieval.query' })).rejects.toThrow('(known: none)');
    await expect(Embedder.load(model, { lora: [{ scale: 1 }] as never })).rejects.toThrow('lora[0].source must be');
    await expect(Embedder.load(model, { lora: query as never })).rejects.toThrow('lora must be a list');
    const other = await adapterBytes('qwen3', ['blk.0.attn_q.weight']);
    const loading = Embedder.load(model, { backend: 'reference', worker: false, lora: [other] });
    await expect(loading).rejects.toThrow('general.architecture is qwen3, not bert');
    const cut = Embedder.load(model, { backend: 'reference', worker: false, lora: [query.subarray(0, 200)] });
    await expect(cut).rejects.toThrow('memory');
  });
});

describe('the server', () => {
  const post = async (app: ReturnType<typeof createApp>, path: string, body: unknown) => {
    const answer = await app.fetch(new Request(`http://h${path}`, { method: 'POST', body: JSON.stringify(body) }));
    return { status: answer.status, json: JSON.parse(await answer.text()) };
  };
  const vector = async (app: ReturnType<typeof createApp>, fields: object) => {
    const { status, json } = await post(app, '/v1/embeddings', { input: text, ...fields });
    expect(status, JSON.stringify(json)).toBe(200);
    return Float32Array.from(json.data[0].embedding as number[]);
  };

  it.each([0, 100])(
    'lists adapters, changes their scales and takes those of requests, with a cache of %i',
    async (n) => {
      const app = createApp(embedder, { cacheSize: n });
      const listed = JSON.parse(await (await app.fetch(new Request('http://h/lora-adapters'))).text());
      expect(listed).toEqual([
        { id: 0, path: 'memory', scale: 0, task_name: 'retrieval.query', prompt_prefix: prefix },
        { id: 1, path: 'memory', scale: 0, task_name: 'retrieval.passage', prompt_prefix: '' },
      ]);
      for (let round = 0; round < 2; round++) {
        expect(await vector(app, {})).toEqual(await vectorOf(plain, text));
        expect(await vector(app, { task: 'retrieval.query' })).toEqual(
          await vectorOf(embedder, text, { task: 'retrieval.query' }),
        );
        const lora = [{ id: 1, scale: 0.5 }];
        expect(await vector(app, { lora })).toEqual(await vectorOf(embedder, text, { lora }));
      }
      expect(await post(app, '/lora-adapters', [{ id: 1, scale: 1 }])).toEqual({
        status: 200,
        json: { success: true },
      });
      const expected = await vectorOf(embedder, text, { lora: [{ id: 1, scale: 1 }] });
      expect(await vector(app, {})).toEqual(expected);
      expect(await post(app, '/lora-adapters', [])).toEqual({ status: 200, json: { success: true } });
      expect(await vector(app, {})).toEqual(await vectorOf(plain, text));
    },
  );

  it('says what is wrong', async () => {
    const app = createApp(embedder);
    for (const [path, body, message] of [
      ['/lora-adapters', {}, 'Request body must be an array'],
      ['/lora-adapters', [{ id: 0 }], '"lora" must be a list of objects'],
      ['/lora-adapters', [{ id: 9, scale: 1 }], 'no adapter has the id 9'],
      ['/v1/embeddings', { input: text, lora: 'a' }, '"lora" must be a list of objects'],
      ['/v1/embeddings', { input: text, lora: [{ id: 9, scale: 1 }] }, 'no adapter has the id 9'],
      ['/v1/embeddings', { input: text, task: 'x' }, 'no adapter is for the task'],
      ['/v1/embeddings', { input: text, task: 3 }, '"task" must be a string'],
      ['/v1/embeddings', { input: text, task: 'retrieval.query', lora: [] }, '"task" chooses an adapter'],
    ] as const) {
      const { status, json } = await post(app, path, body);
      expect([status, json.error.message]).toEqual([400, expect.stringContaining(message)]);
    }
  });

  it('ignores the task of a request to a model without adapters', async () => {
    const app = createApp(plain);
    expect(await vector(app, { task: 'retrieval.query' })).toEqual(await vectorOf(plain, text));
    expect(await post(app, '/lora-adapters', [])).toEqual({ status: 200, json: { success: true } });
  });
});
