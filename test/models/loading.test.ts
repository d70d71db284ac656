import { describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import { architectures, loadModel, ModelError, modelTree } from '../../src/models/index.ts';
import type { Backend } from '../../src/tensor/backend.ts';
import { type Edit, edited, editedBytes } from './edit.ts';
import { load, openFixture, run } from './support.ts';

const u32 = (value: number) => ({ type: 'uint32', value }) as const;
const tokens = [101, 142, 150, 160, 102];

/** What loading says about `bert-mean` after `change`. */
async function problem(change: (edit: Edit) => void, name = 'bert-mean'): Promise<string> {
  const error = await load(name, await edited(name, change)).then(
    () => new Error('it loaded'),
    (reason: Error) => reason,
  );
  return `${error.name}: ${error.message}`;
}

describe('a file that cannot be run', () => {
  it('has an unknown architecture: the known ones are listed', async () => {
    const change = ({ values }: Edit) => values.set('general.architecture', { type: 'string', value: 'mamba' });
    const message = await problem(change);
    expect(message).toContain('ModelError: the architecture mamba is not supported; supported are ');
    for (const id of architectures.keys()) expect(message).toContain(id);
  });

  it('has an unknown architecture with other shapes: the error lists the known ones', async () => {
    const bytes = await editedBytes('qwen3', ({ values }) => {
      for (const key of [...values.keys()].filter((name) => name.startsWith('qwen3.'))) values.delete(key);
      values.set('general.architecture', { type: 'string', value: 'mamba' });
    });
    await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(
      'the architecture mamba is not supported; supported are bert, ',
    );
  });

  it('names no architecture', async () => {
    expect(await problem(({ values }) => values.delete('general.architecture'))).toBe(
      'ModelError: general.architecture is missing from the metadata',
    );
  });

  it('lacks a key', async () => {
    for (const key of ['block_count', 'embedding_length', 'context_length', 'attention.layer_norm_epsilon']) {
      expect(await problem(({ values }) => values.delete(`bert.${key}`))).toBe(
        `ModelError: bert.${key} is missing from the metadata`,
      );
    }
  });

  it('has a key of another type', async () => {
    const message = await problem(({ values }) => values.set('bert.block_count', { type: 'int32', value: 3 }));
    expect(message).toMatch(/^GgufError: .*bert\.block_count/);
  });

  it.each([
    ['block_count', 0, 'is 0'],
    ['block_count', 513, 'is 513; at most 512 layers'],
    ['attention.head_count', 0, 'is missing or 0 in layer 0'],
    ['attention.head_count_kv', 3, 'is 3, which does not divide the 4 heads of layer 0'],
    ['attention.key_length', 0, 'is 0'],
    ['pooling_type', 5, 'is 5; supported are 0 (none), 1 (mean), 2 (cls), 3 (last), 4 (rank)'],
    ['expert_count', 1025, 'is 1025; at most 1024 experts'],
    ['expert_count', 4, 'is 0, 0, 0 of 4 experts'],
    ['attention.key_length_swa', 8, 'is 8, but must be 16, as in the layers without a window'],
    ['rope.dimension_count', 17, 'is 17, but a head has 16 dimensions'],
    ['rope.dimension_count', 15, 'is 15, but dimensions are rotated in pairs'],
    ['feed_forward_length', 0, 'blk.0.ffn_up.weight would have the shape [64, 0]'],
  ])('says %s = %i', async (key, value, expected) => {
    expect(await problem(({ values }) => values.set(`bert.${key}`, u32(value)))).toContain(expected);
  });

  it.each([
    ['bert-mean', 'attention.layer_norm_epsilon', Number.NaN, 'is NaN; expected a finite number that is 0 or greater'],
    ['bert-mean', 'rope.scaling.factor', -2, 'is -2; expected a finite number that is 0 or greater'],
    ['qwen2', 'rope.freq_base', 0, 'is 0'],
    ['modern-bert', 'rope.freq_base_swa', 0, 'is 0'],
    [
      'gemma2',
      'attn_logit_softcapping',
      Number.POSITIVE_INFINITY,
      'is Infinity; expected a finite number that is 0 or greater',
    ],
  ])('%s says %s = %d', async (name, key, value, expected) => {
    const arch = name.replace('-mean', '');
    const change = ({ values }: Edit) => values.set(`${arch}.${key}`, { type: 'float32', value });
    expect(await problem(change, name)).toBe(`ModelError: ${arch}.${key} ${expected}`);
  });

  it.each([
    ['t5encoder', 'attention.relative_buckets_count', 3, 'is 3; at least 4 are required'],
    ['gemma-embedding', 'dense_2_feat_in', 65, 'is 65, but the width of the model is 64'],
    ['gemma-embedding', 'dense_3_feat_in', 65, 'gemma-embedding needs [65, 64]'],
    ['llama', 'rope.dimension_count', 8, 'is 8, but must be the head size 16'],
  ])('%s says %s = %d', async (name, key, value, expected) => {
    const change = ({ values }: Edit) => values.set(`${name}.${key}`, u32(value));
    expect(await problem(change, name)).toContain(expected);
  });

  it('has a dense layer that changes the width of the vectors', async () => {
    const message = await problem(({ tensors }) => tensors.delete('dense_3.weight'), 'gemma-embedding');
    expect(message).toMatch(/dense_2_feat_out is \d+, but without dense_3 it must be 64/);
  });

  it('has an unknown kind of RoPE scaling', async () => {
    const change = ({ values }: Edit) => values.set('bert.rope.scaling.type', { type: 'string', value: 'dynamic' });
    expect(await problem(change)).toContain('is dynamic; supported are none, linear, yarn, longrope');
  });

  it('has per-layer values for another number of layers, or of another type', async () => {
    const set = (elementType: 'uint32' | 'float32', values: number[]) => (edit: Edit) =>
      edit.values.set('bert.feed_forward_length', { type: 'array', value: { elementType, values } });
    expect(await problem(set('uint32', [160, 160]))).toContain('has 2 elements, but the model has 3 layers');
    expect(await problem(set('float32', [160, 160, 160]))).toContain('is an array of float32, not of uint32 or int32');
    expect(await problem(set('uint32', [160, 161, 160]))).toBe(
      'ModelError: tensor blk.1.ffn_up.weight has the shape [64, 160], but bert needs [64, 161] (bert.embedding_length: 64, bert.feed_forward_length: 161)',
    );
  });

  it('lacks a tensor', async () => {
    expect(await problem(({ tensors }) => tensors.delete('blk.1.ffn_up.weight'))).toBe(
      'ModelError: tensor blk.1.ffn_up.weight is missing: bert needs it with the shape [64, 160] (bert.embedding_length: 64, bert.feed_forward_length: 160)',
    );
  });

  it.each([
    ['bert-mean', 'attention.head_count', u32(5), 'bert.attention.head_count: 5'],
    ['qwen3', 'attention.key_length', undefined, 'qwen3.attention.key_length: not set'],
    ['t5encoder', 'attention.relative_buckets_count', u32(8), 't5encoder.attention.relative_buckets_count: 8'],
    ['gemma-embedding', 'dense_2_feat_out', u32(63), 'gemma-embedding.dense_2_feat_out: 63'],
    ['bert-mean', 'context_length', u32(1), 'bert.context_length: 1'],
  ])('has a tensor of another shape than %s.%s says: the key is named', async (name, key, value, expected) => {
    const arch = name.replace(/-(mean|rank)$/, '');
    const message = await problem(({ values }) => {
      if (value === undefined) values.delete(`${arch}.${key}`);
      else values.set(`${arch}.${key}`, value);
    }, name);
    expect(message).toContain(expected);
  });

  it('has the bias of a classifier without its weight', async () => {
    const message = await problem(({ tensors }) => tensors.delete('cls.output.weight'), 'bert-rank');
    expect(message).toContain('tensor cls.output.weight is missing: bert needs it with the shape [64, 1] (');
  });

  it('has a tensor of another shape', async () => {
    const change = (edit: Edit) => edit.setFloats('token_embd_norm.bias', [63], new Float32Array(63));
    expect(await problem(change)).toBe(
      'ModelError: tensor token_embd_norm.bias has the shape [63], but bert needs [64] (bert.embedding_length: 64)',
    );
  });

  it('has tensors that nobody computes with', async () => {
    const change = (edit: Edit) => edit.setFloats('pooler.dense.weight', [1], new Float32Array(1));
    const message = await problem(change);
    expect(message).toMatch(
      /unexpected tensors: the file has \d+, of which bert does not use 1: pooler\.dense\.weight/,
    );
  });

  it('has a factor and a bias in the feed-forward', async () => {
    const change = (edit: Edit) => edit.setFloats('blk.0.ffn_up.scale', [1], Float32Array.of(2));
    expect(await problem(change)).toContain('tensors blk.0.ffn_up.scale and blk.0.ffn_up.bias');
  });

  it('is refused with a ModelError that carries the key or the tensor', async () => {
    const file = await edited('bert-mean', ({ tensors }) => tensors.delete('token_embd.weight'));
    const error = await loadModel(file, await createReferenceBackend()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ tensor: 'token_embd.weight' });
  });

  it('rotates an odd number of dimensions', async () => {
    const file = await edited('qwen2', ({ values }) => values.set('qwen2.rope.dimension_count', u32(5)));
    await expect(load('qwen2', file).then((loaded) => run(loaded, [[1, 2]]))).rejects.toThrow('rotated in pairs');
  });
});

describe('equivalent files give the same bits', () => {
  async function expectSame(name: string, change: (edit: Edit) => void): Promise<void> {
    const [plain] = await run(await load(name), [tokens]);
    expect((await run(await load(name, await edited(name, change)), [tokens]))[0]).toEqual(plain);
  }

  it('RoPE scaling in the windowed layers of gemma2, and in no others', async () => {
    const changed = async (name: string) => {
      const vectorOf = async (factor: number) => {
        const file = await edited(name, ({ values }) => {
          values.set(`${name}.attention.sliding_window_pattern`, u32(0));
          values.set(`${name}.rope.scaling.factor`, { type: 'float32', value: factor });
        });
        return (await run(await load(name, file), [tokens]))[0];
      };
      const [one, four] = [await vectorOf(1), await vectorOf(4)];
      return four.some((value, i) => value !== one[i]);
    };
    expect(await changed('gemma2')).toBe(true);
    expect(await changed('gemma3')).toBe(false);
  });

  it.each(['modern-bert', 'gemma3'])(
    'a window larger than any text and one of the largest number, whatever computes: %s',
    async (name) => {
      const vectorWith = async (size: number, makeBackend: () => Promise<Backend>) => {
        const file = await edited(name, ({ values }) => values.set(`${name}.attention.sliding_window`, u32(size)));
        return (await run(await load(name, file, makeBackend), [tokens]))[0];
      };
      for (const makeBackend of [createReferenceBackend, createWasmBackend]) {
        const vector = await vectorWith(1_000_000, makeBackend);
        expect(vector.every(Number.isFinite)).toBe(true);
        for (const size of [2 ** 31, 2 ** 32 - 1]) expect(await vectorWith(size, makeBackend)).toEqual(vector);
      }
    },
  );

  it('one bias for a fused product, or three', async () => {
    await expectSame('bert-cls', (edit) => {
      for (const blk of ['blk.0', 'blk.1']) {
        const bias = edit.floats(`${blk}.attn_qkv.bias`);
        edit.tensors.delete(`${blk}.attn_qkv.bias`);
        ['q', 'k', 'v'].forEach((part, i) => {
          edit.setFloats(`${blk}.attn_${part}.bias`, [96], bias.slice(96 * i, 96 * (i + 1)));
        });
      }
    });
  });

  it('per-layer values that are all the same', async () => {
    await expectSame('bert-mean', ({ values }) => {
      const array = (n: number) => ({ type: 'array', value: { elementType: 'int32', values: [n, n, n] } }) as const;
      values.set('bert.attention.head_count', array(4));
      values.set('bert.feed_forward_length', array(160));
    });
  });

  it('a weight of half the size with a scale of two', async () => {
    await expectSame('bert-mean', (edit) => {
      for (const name of ['blk.0.attn_q', 'blk.2.attn_output']) {
        edit.setFloats(
          `${name}.weight`,
          [64, 64],
          edit.floats(`${name}.weight`).map((w) => w / 2),
        );
        edit.setFloats(`${name}.scale`, [1], Float32Array.of(2));
        edit.setFloats(`${name}.input_scale`, [1], Float32Array.of(3));
      }
    });
  });

  it('a window pattern by period, or for each layer', async () => {
    await expectSame('gemma2', ({ values }) => {
      const value = { elementType: 'bool', values: [1, 0, 1] } as const;
      values.set('gemma2.attention.sliding_window_pattern', { type: 'array', value });
    });
  });
});

describe('experts in a decoder', () => {
  it('are the dense layer when all are the same', async () => {
    const nExpert = 3;
    const file = await edited('llama', (edit) => {
      edit.values.set('llama.expert_count', u32(nExpert));
      edit.values.set('llama.expert_used_count', u32(2));
      for (const blk of ['blk.0', 'blk.1']) {
        for (const part of ['gate', 'up', 'down']) {
          const one = edit.tensors.get(`${blk}.ffn_${part}.weight`);
          const values = edit.floats(`${blk}.ffn_${part}.weight`);
          const all = Float32Array.from({ length: nExpert * values.length }, (_, i) => values[i % values.length]);
          edit.tensors.delete(`${blk}.ffn_${part}.weight`);
          edit.setFloats(`${blk}.ffn_${part}_exps.weight`, [...(one?.shape ?? []), nExpert], all);
        }
        edit.setFloats(`${blk}.ffn_gate_inp.weight`, [64, nExpert], new Float32Array(64 * nExpert).fill(0.25));
      }
    });
    const [dense] = await run(await load('llama'), [tokens]);
    const [mixed] = await run(await load('llama', file), [tokens]);
    mixed.forEach((value, i) => {
      expect(value).toBeCloseTo(dense[i], 4);
    });
  });
});

describe('loadModel', () => {
  it('reports bytes read until all are', async () => {
    const file = await openFixture('models/bert-mean.gguf');
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    await loadModel(file, await createReferenceBackend(), { onProgress });
    const total = [...file.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(seen[0]).toEqual([0, total]);
    expect(seen.at(-1)).toEqual([total, total]);
    expect(seen.length).toBe(file.tensors.size + 1);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
  });

  it('ends with the reason of the signal', async () => {
    const file = await openFixture('models/bert-mean.gguf');
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = (done: number) => {
      if (done > 200_000) controller.abort(reason);
    };
    const options = { onProgress, signal: controller.signal };
    await expect(loadModel(file, await createReferenceBackend(), options)).rejects.toBe(reason);
  });

  it('declares the same weights in the same order for every share of them, and fills each once', async () => {
    const file = await openFixture('models/bert-mean.gguf');
    const nothing = { share: { rank: 1000, nRanks: 1001 } };
    const unfilled = await loadModel(file, await createReferenceBackend(), nothing);
    const { model } = await load('bert-mean');
    expect(unfilled.weights.map(({ name }) => name)).toEqual(model.weights.map(({ name }) => name));
    const backend = await createReferenceBackend();
    const empty = await loadModel(file, backend, nothing);
    await expect(run({ file, backend, model: empty }, [tokens])).rejects.toThrow('token_embd.weight has no data');
    const filled: string[] = [];
    for (const rank of [0, 1, 2]) {
      const backend = await createReferenceBackend();
      const fill: typeof backend.fill = async ({ name }) => void filled.push(name);
      await loadModel(
        file,
        { ...backend, allocate: backend.allocate.bind(backend), fill },
        { share: { rank, nRanks: 3 } },
      );
    }
    expect(filled.sort()).toEqual(model.weights.map(({ name }) => name).sort());
  });

  it('has every worker fill a part of each matrix and table where the backend can, and reports all bytes once', async () => {
    const file = await openFixture('models/bert-mean.gguf');
    const { model } = await load('bert-mean');
    const whole: string[] = [];
    const parts = new Map<string, number[]>();
    let sum = 0;
    let total = 0;
    for (const rank of [0, 1, 2]) {
      const backend = await createReferenceBackend();
      const fill: typeof backend.fill = async ({ name }) => void whole.push(name);
      const fillPart: typeof backend.fillPart = async ({ name }, { byteLength, read }, part) => {
        expect(part).toEqual({ rank, nRanks: 3 });
        parts.set(name, [...(parts.get(name) ?? []), rank]);
        const [begin, end] = [rank, rank + 1].map((r) => Math.floor((byteLength * r) / 3));
        await read(begin, new Uint8Array(end - begin));
      };
      let last = 0;
      await loadModel(
        file,
        { ...backend, allocate: backend.allocate.bind(backend), fill, fillPart },
        { share: { rank, nRanks: 3 }, onProgress: (done, all) => ([last, total] = [done, all]) },
      );
      sum += last;
    }
    expect(parts.get('token_embd.weight')).toEqual([0, 1, 2]);
    expect(parts.get('blk.0.ffn_up.weight')).toEqual([0, 1, 2]);
    expect(parts.has('blk.0.ffn_up.bias')).toBe(false);
    expect([...whole, ...parts.keys()].sort()).toEqual(model.weights.map(({ name }) => name).sort());
    expect(sum).toBe(total);
  });

  it.each([
    ['qwen3-rank', 'cls'],
    ['gemma-embedding', 'dense_3'],
  ])('lists the parts in the order in which they are computed: %s', async (name, last) => {
    const { children } = modelTree(await openFixture(`models/${name}.gguf`));
    expect([children[0].name, children.at(-1)?.name]).toEqual(['token_embd', last]);
  });

  it('knows the model as a tree', async () => {
    const file = await openFixture('models/bert-mean.gguf');
    const tree = modelTree(file);
    expect(tree.name).toBe('bert');
    const nParams = [...file.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((n, m) => n * m, 1), 0);
    expect(tree.nParams).toBe(nParams);
    const blk = tree.children.find(({ name }) => name === 'blk');
    expect(blk?.children.map(({ name }) => name)).toEqual(['0', '1', '2']);
    const up = blk?.children[1].children.find(({ name }) => name === 'ffn_up');
    expect(up).toMatchObject({ nParams: 64 * 160 + 160 });
    expect(up?.children.map(({ name, weight }) => [name, weight?.shape])).toEqual([
      ['weight', [64, 160]],
      ['bias', [160]],
    ]);
  });
});
