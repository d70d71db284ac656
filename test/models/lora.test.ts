/**
 * @file LoRA adapters: the same vectors as a model whose weights have the difference added, whatever the architecture, the backend, the rank and
 * the number of adapters; the bits of the model itself without one; and files that must be refused.
 */
import { describe, expect, it } from 'vitest';
import type { GgufFile } from '../../src/gguf/index.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import { loadModel, ModelError, outlineModel, type Pooling, runForward } from '../../src/models/index.ts';
import type { Backend } from '../../src/tensor/backend.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';
import { pack } from '../kernels/graphs.ts';
import { cosine, floats, lengthRatio } from '../vectors.ts';
import { type AdapterEdit, openAdapter } from './adapters.ts';
import { edited } from './edit.ts';
import { openFixture, readJson } from './support.ts';

const sequences = [
  [5, 17, 42, 9, 23, 8, 61],
  [3, 4],
  [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22],
];

/** Vectors of `sequences`, with the adapters at `scales`. */
async function vectors(
  file: GgufFile,
  adapters: readonly GgufFile[],
  scales: readonly number[] | undefined,
  makeBackend: () => Promise<Backend> = createReferenceBackend,
  pooling: Pooling = 'mean',
): Promise<Float32Array[]> {
  const backend = await makeBackend();
  const model = await loadModel(file, backend, { adapters });
  const batch = { ...pack(sequences), ...(scales && { adapters: scales }) };
  const values = await runForward(backend, model, batch, pooling, false);
  backend.dispose();
  const width = values.length / sequences.length;
  return sequences.map((_, i) => values.slice(i * width, (i + 1) * width));
}

const floatsOf = async (file: GgufFile, name: string) => {
  const info = file.tensors.get(name)!;
  const bytes = new Uint8Array(info.byteLength);
  await file.readTensor(info, 0, bytes);
  const n = info.shape.reduce((product, size) => product * size, 1);
  const values = new Float32Array(n);
  codecs[info.type.name].dequantize(bytes, values, n);
  return values;
};

/** `W + scale · alpha / rank · B A` for every weight that the adapter adapts. */
async function merged(name: string, adapters: readonly GgufFile[], scales: readonly number[]): Promise<GgufFile> {
  const base = await openFixture(`models/${name}.gguf`);
  const sums = new Map<string, Float32Array>();
  for (const [i, adapter] of adapters.entries()) {
    const alpha = adapter.metadata.f32('adapter.lora.alpha') ?? 0;
    for (const tensor of adapter.tensors.keys()) {
      if (!tensor.endsWith('.lora_a')) continue;
      const target = tensor.slice(0, -'.lora_a'.length);
      const [nIn, nOut = 1] = base.tensors.get(target)!.shape;
      const [a, b] = [await floatsOf(adapter, tensor), await floatsOf(adapter, `${target}.lora_b`)];
      const turned = target === 'token_embd.weight';
      const rank = a.length / (turned ? nOut : nIn);
      const sum = sums.get(target) ?? (await floatsOf(base, target));
      const factor = scales[i] * (alpha === 0 ? 1 : alpha / rank);
      for (let o = 0; o < nOut; o++) {
        for (let k = 0; k < nIn; k++) {
          let difference = 0;
          for (let r = 0; r < rank; r++) {
            difference += turned ? b[k * rank + r] * a[o * rank + r] : b[o * rank + r] * a[r * nIn + k];
          }
          sum[o * nIn + k] += factor * difference;
        }
      }
      sums.set(target, sum);
    }
  }
  return edited(name, ({ tensors, setFloats }) => {
    for (const [target, values] of sums) setFloats(target, tensors.get(target)!.shape, values);
  });
}

const backends = [
  ['reference', 2e-7, createReferenceBackend],
  ['wasm', 2e-5, createWasmBackend],
] as const;

const models = {
  'bert-mean': [
    'blk.0.attn_q.weight',
    'blk.0.attn_k.weight',
    'blk.1.attn_v.weight',
    'blk.0.attn_output.weight',
    'blk.1.ffn_up.weight',
    'blk.0.ffn_down.weight',
    'token_embd.weight',
    'token_types.weight',
    'position_embd.weight',
  ],
  'jina-bert-v3': ['blk.0.attn_qkv.weight', 'blk.1.ffn_up.weight', 'token_embd.weight', 'token_types.weight'],
  'modern-bert': ['blk.0.attn_qkv.weight', 'blk.1.ffn_up.weight', 'blk.1.ffn_down.weight'],
  qwen3: ['blk.0.attn_q.weight', 'blk.1.attn_k.weight', 'blk.0.ffn_gate.weight', 'blk.1.ffn_down.weight'],
  gemma3: ['blk.0.attn_q.weight', 'blk.1.attn_output.weight', 'blk.0.ffn_up.weight', 'token_embd.weight'],
  t5encoder: ['enc.blk.0.attn_q.weight', 'enc.blk.1.ffn_down.weight', 'token_embd.weight'],
};

describe.each(Object.entries(models))('%s', (name, targets) => {
  it.each(backends)('gives the vectors of the weights with the difference on %s', async (_, tolerance, makeBackend) => {
    const base = await openFixture(`models/${name}.gguf`);
    const plain = await vectors(base, [], undefined, makeBackend);
    for (const [rank, scale] of [
      [1, 1],
      [3, 0.5],
      [5, -1.5],
    ]) {
      const adapter = await openAdapter(name, targets, { rank, seed: rank });
      const found = await vectors(base, [adapter], [scale], makeBackend);
      const expected = await vectors(await merged(name, [adapter], [scale]), [], undefined, createReferenceBackend);
      for (const [i, vector] of found.entries()) {
        expect(1 - cosine(vector, expected[i]), `rank ${rank}`).toBeLessThan(tolerance);
        expect(1 - cosine(vector, plain[i]), `rank ${rank}`).toBeGreaterThan(1e-4);
      }
    }
  });

  it.each(backends)('gives its own bits without an adapter on %s', async (_, __, makeBackend) => {
    const base = await openFixture(`models/${name}.gguf`);
    const plain = await vectors(base, [], undefined, makeBackend);
    const adapter = await openAdapter(name, targets);
    expect(await vectors(base, [adapter], undefined, makeBackend)).toEqual(plain);
    expect(await vectors(base, [adapter], [0], makeBackend)).toEqual(plain);
  });
});

/** What llama.cpp v0.5.0 computes (test/fixtures/make/lora.cpp). */
describe.each([
  [
    'bert-mean',
    [
      'blk.0.attn_q.weight',
      'blk.0.attn_output.weight',
      'blk.1.ffn_up.weight',
      'blk.0.ffn_down.weight',
      'token_embd.weight',
    ],
  ],
  ['jina-bert-v3', ['blk.0.attn_qkv.weight', 'blk.1.ffn_up.weight', 'token_embd.weight']],
  ['gemma-embedding', ['blk.0.attn_q.weight', 'blk.0.ffn_gate.weight', 'token_embd.weight']],
] as const)('%s with two adapters', (name, targets) => {
  it.each([
    ['reference', 1e-6, createReferenceBackend],
    ['wasm', 2e-5, createWasmBackend],
  ] as const)('gives the vectors of llama.cpp on %s', async (_, tolerance, makeBackend) => {
    const first = await openAdapter(name, targets);
    const second = await openAdapter(name, targets.slice(0, 2), { rank: 4, alpha: 0, seed: 2 });
    const recorded = readJson<Record<string, string[]>>('reference/lora.json')[name].map(floats);
    const base = await openFixture(`models/${name}.gguf`);
    const found = await vectors(base, [first, second], [0.5, -0.75], makeBackend);
    const plain = await vectors(base, [], undefined, makeBackend);
    for (const [i, vector] of found.entries()) {
      expect(1 - cosine(vector, recorded[i])).toBeLessThan(tolerance);
      expect(Math.abs(1 - lengthRatio(vector, recorded[i]))).toBeLessThan(100 * tolerance);
      expect(1 - cosine(plain[i], recorded[i])).toBeGreaterThan(1e-3);
    }
  });
});

it('several adapters add up', async () => {
  const base = await openFixture('models/bert-mean.gguf');
  const first = await openAdapter('bert-mean', ['blk.0.attn_q.weight', 'blk.0.ffn_up.weight'], { rank: 2 });
  const second = await openAdapter('bert-mean', ['blk.0.attn_q.weight'], { rank: 4, alpha: 0, seed: 2 });
  const expected = await vectors(await merged('bert-mean', [first, second], [0.7, -0.4]), [], undefined);
  for (const [, tolerance, makeBackend] of backends) {
    const found = await vectors(base, [first, second], [0.7, -0.4], makeBackend);
    for (const [i, vector] of found.entries()) expect(1 - cosine(vector, expected[i])).toBeLessThan(tolerance);
  }
});

it('an adapter of the output layer changes no vector', async () => {
  const base = await edited('qwen3', ({ setFloats, tensors }) => {
    const { shape } = tensors.get('token_embd.weight')!;
    setFloats('output.weight', shape, new Float32Array(shape[0] * shape[1]));
  });
  const [nIn, nOut] = base.tensors.get('output.weight')!.shape;
  const adapter = await openAdapter('qwen3', ['blk.0.attn_q.weight'], {}, ({ tensors }) => {
    tensors.set('output.weight.lora_a', { shape: [nIn, 2], values: new Float32Array(nIn * 2).fill(1) });
    tensors.set('output.weight.lora_b', { shape: [2, nOut], values: new Float32Array(nOut * 2).fill(1) });
  });
  const alone = await openAdapter('qwen3', ['blk.0.attn_q.weight']);
  expect(await vectors(base, [adapter], [1])).toEqual(await vectors(base, [alone], [1]));
});

it('shows the adapted step under its name', async () => {
  const base = await openFixture('models/bert-mean.gguf');
  const adapter = await openAdapter('bert-mean', ['blk.0.attn_q.weight']);
  const backend = await createReferenceBackend();
  const model = await loadModel(base, backend, { adapters: [adapter] });
  const steps = async (scales: number[]) => {
    const seen = new Map<string, Float32Array>();
    backend.observe((step, values) => seen.set(step, values));
    await runForward(backend, model, { ...pack(sequences), adapters: scales }, 'mean', true);
    return seen;
  };
  const [plain, adapted] = [await steps([0]), await steps([1])];
  expect(adapted.get('Qcur-0')).toBeDefined();
  expect(adapted.get('Qcur-0')).not.toEqual(plain.get('Qcur-0'));
  expect(adapted.get('Kcur-0')).toEqual(plain.get('Kcur-0'));
  backend.dispose();
});

describe('an adapter that must be refused', () => {
  const target = 'blk.0.attn_q.weight';
  const refusal = async (change: (edit: AdapterEdit) => void, name = 'bert-mean') => {
    const adapter = await openAdapter(name, [target], {}, change);
    const base = await openFixture(`models/${name}.gguf`);
    try {
      outlineModel(base, [adapter]);
    } catch (error) {
      expect(error).toBeInstanceOf(ModelError);
      return (error as Error).message;
    }
    throw new Error('it was accepted');
  };
  const text = (value: string) => ({ type: 'string', value }) as const;

  it.each<[string, (edit: AdapterEdit) => void, string]>([
    ['is a model', ({ values }) => values.delete('general.type'), 'not an adapter: general.type is missing'],
    ['is a control vector', ({ values }) => values.set('general.type', text('model')), 'general.type is model'],
    ['is of another kind', ({ values }) => values.set('adapter.type', text('dora')), 'adapter.type is dora, not lora'],
    [
      'is for another architecture',
      ({ values }) => values.set('general.architecture', text('qwen3')),
      'general.architecture is qwen3, not bert',
    ],
    [
      'has an infinite alpha',
      ({ values }) => values.set('adapter.lora.alpha', { type: 'float32', value: Infinity }),
      'adapter.lora.alpha is Infinity',
    ],
    [
      'is activated by tokens',
      ({ values }) =>
        values.set('adapter.alora.invocation_tokens', {
          type: 'array',
          value: { elementType: 'uint32', values: Uint32Array.of(1) },
        }),
      'activated LoRA',
    ],
    ['lacks a half', ({ tensors }) => tensors.delete(`${target}.lora_b`), `tensor ${target}.lora_b is missing`],
    [
      'has the rank 0',
      ({ tensors }) => {
        tensors.set(`${target}.lora_a`, { shape: [64, 0], values: new Float32Array() });
        tensors.set(`${target}.lora_b`, { shape: [0, 64], values: new Float32Array() });
      },
      `adapter adapter.gguf: tensor ${target} has an adapter of rank 0`,
    ],
    ['has no tensors', ({ tensors }) => tensors.clear(), 'it has no tensors'],
    [
      'has another tensor',
      ({ tensors }) => tensors.set('blk.0.attn_output_norm.weight', { shape: [4], values: new Float32Array(4) }),
      'tensor blk.0.attn_output_norm.weight is neither a .lora_a nor a .lora_b',
    ],
    [
      'has a layer too many',
      ({ tensors }) => {
        tensors.set('blk.99.attn_q.weight.lora_a', { shape: [4, 1], values: new Float32Array(4) });
        tensors.set('blk.99.attn_q.weight.lora_b', { shape: [1, 4], values: new Float32Array(4) });
      },
      'tensor blk.99.attn_q.weight does not exist in the model',
    ],
    [
      'adapts a norm',
      ({ tensors }) => {
        tensors.set('token_embd_norm.weight.lora_a', { shape: [4, 1], values: new Float32Array(4) });
        tensors.set('token_embd_norm.weight.lora_b', { shape: [1, 4], values: new Float32Array(4) });
      },
      'tensor token_embd_norm.weight is not a matrix',
    ],
    [
      'has ranks that differ',
      ({ tensors }) => tensors.set(`${target}.lora_b`, { shape: [2, 64], values: new Float32Array(128) }),
      `tensor ${target}.lora_b has the shape [2, 64], but ${target} of the model needs [3, `,
    ],
    [
      'has another width',
      ({ tensors }) => tensors.set(`${target}.lora_a`, { shape: [7, 3], values: new Float32Array(21) }),
      `tensor ${target}.lora_a has the shape [7, 3]`,
    ],
    [
      'has a third axis',
      ({ tensors }) => {
        const { shape, values } = tensors.get(`${target}.lora_a`)!;
        tensors.set(`${target}.lora_a`, { shape: [...shape, 2], values: new Float32Array(2 * values.length) });
      },
      `tensor ${target}.lora_a has the shape`,
    ],
    [
      'has the rank 0',
      ({ tensors }) => {
        const [nIn] = tensors.get(`${target}.lora_a`)!.shape;
        tensors.set(`${target}.lora_a`, { shape: [nIn, 0], values: new Float32Array(0) });
        tensors.set(`${target}.lora_b`, { shape: [0, nIn], values: new Float32Array(0) });
      },
      '0',
    ],
  ])('%s', async (_, change, message) => {
    expect(await refusal(change)).toContain(message);
  });

  it('adapts experts', async () => {
    const router = (await openFixture('models/nomic-bert-moe.gguf')).tensors;
    const name = [...router.keys()].find((key) => key.endsWith('ffn_gate_inp.weight'))!;
    const [nIn, nOut] = router.get(name)!.shape;
    const adapter = await openAdapter('nomic-bert-moe', [], {}, ({ tensors }) => {
      tensors.set(`${name}.lora_a`, { shape: [nIn, 1], values: new Float32Array(nIn) });
      tensors.set(`${name}.lora_b`, { shape: [1, nOut], values: new Float32Array(nOut) });
    });
    const base = await openFixture('models/nomic-bert-moe.gguf');
    expect(() => outlineModel(base, [adapter])).toThrow('adapters of the router of experts are not supported');
  });

  it('is one of too many', async () => {
    const adapter = await openAdapter('bert-mean', [target]);
    const base = await openFixture('models/bert-mean.gguf');
    expect(() => outlineModel(base, new Array(65).fill(adapter))).toThrow('65 adapters; at most 64 are allowed');
  });
});
