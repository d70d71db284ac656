/** @file The choice of types: equal to a file of llama-quantize, and each rule of its mixes. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type GgmlTypeName,
  type GgufFile,
  GgufWriter,
  ggmlTypes,
  memorySink,
  memorySource,
  nElements,
  openGguf,
} from '../../src/gguf/index.ts';
import { chooseTypes, findTargetType, type TargetTypeName, targetTypes } from '../../src/quantize/types.ts';

const read = (path: string) => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));

/** A model whose tensors are all zeros. Shapes by name, and metadata numbers below the architecture's name. */
async function model(shapes: Record<string, number[]>, keys: Record<string, number>, arch = 'bert'): Promise<GgufFile> {
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  writer.set('general.architecture', { type: 'string', value: arch });
  for (const [key, value] of Object.entries(keys)) writer.set(`${arch}.${key}`, { type: 'uint32', value });
  for (const [name, shape] of Object.entries(shapes)) writer.addTensor(name, ggmlTypes.F32, shape);
  await writer.writeHeader();
  for (const [name, shape] of Object.entries(shapes)) {
    await writer.writeTensor(name, [new Uint8Array(4 * nElements(shape))]);
  }
  writer.finish();
  return openGguf(memorySource(sink.bytes(), 'model'));
}

/** The tensor `name` of `n` layers. */
const layers = (n: number, name: string, shape: number[]) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [`blk.${i}.${name}`, shape]));

/** The chosen types, by tensor. */
async function chosen(file: GgufFile, type: TargetTypeName, pure = false): Promise<Record<string, GgmlTypeName>> {
  const plan = chooseTypes(file, findTargetType(type)!, pure);
  return Object.fromEntries(plan.map(({ info, type }) => [info.name, type.name]));
}

/** The layers in which the tensor `name` has the type. */
const layersWith = (types: Record<string, GgmlTypeName>, name: string, type: GgmlTypeName) =>
  Object.keys(types)
    .filter((key) => key.endsWith(`.${name}`) && types[key] === type)
    .map((key) => Number(key.split('.')[1]));

test('all-MiniLM-L6-v2: names, order and types of the Q4_K_M file that llama-quantize made', async () => {
  const file = await openGguf(memorySource(read('models/all-MiniLM-L6-v2-Q8_0.gguf')));
  const expected = JSON.parse(new TextDecoder().decode(read('test/fixtures/convert/minilm-Q4_K_M-types.json')));
  const plan = chooseTypes(file, findTargetType('Q4_K_M')!);
  expect(plan.map(({ info, type }) => [info.name, type.name])).toEqual(expected);
});

test('names are found in either case; Q4_K and Q5_K mean the medium mix', () => {
  expect(findTargetType('q4_k_m')?.id).toBe(15);
  expect(findTargetType('Q5_K')?.name).toBe('Q5_K_M');
  expect(findTargetType('Q3_K_L')).toBeUndefined();
  expect(new Set(targetTypes.map(({ id }) => id)).size).toBe(targetTypes.length);
});

describe('tensors that keep their type', () => {
  const shapes = {
    'token_embd.weight': [256, 4],
    'position_embd.weight': [256, 4],
    'token_types.weight': [256, 2],
    'blk.0.attn_output_norm.weight': [256],
    'blk.0.attn_q_norm.weight': [256, 2],
    'blk.0.attn_q.bias': [256],
    'blk.0.attn_rel_b.weight': [256, 2],
    'blk.0.ffn_gate_inp.weight': [256, 8],
    'cls.weight': [256, 1],
    'cls.output.weight': [256, 3],
  };
  const kept = Object.keys(shapes).filter((name) => name !== 'token_embd.weight' && name !== 'cls.output.weight');

  test.each(['Q4_0', 'F16', 'BF16', 'Q4_K_M'] as const)('%s', async (type) => {
    const types = await chosen(await model(shapes, { block_count: 1 }), type);
    expect(Object.keys(types).filter((name) => types[name] === 'F32')).toEqual(expect.arrayContaining(kept));
    expect(types['cls.output.weight']).not.toBe('F32');
    expect(types['token_embd.weight']).not.toBe('F32');
  });
});

describe('rows that do not divide into blocks', () => {
  const widths = async (type: TargetTypeName, width: number) =>
    (await chosen(await model({ 'blk.0.ffn_up.weight': [width, 4] }, { block_count: 1 }), type))['blk.0.ffn_up.weight'];

  test.each([
    ['Q4_K_M', 384, 'Q5_0'],
    ['Q5_K_S', 96, 'Q5_1'],
    ['Q6_K', 64, 'Q8_0'],
    ['Q6_K', 72, 'F16'],
    ['Q4_K_M', 72, 'F16'],
    ['Q8_0', 72, 'F16'],
    ['IQ4_NL', 96, 'IQ4_NL'],
    ['Q4_K_S', 512, 'Q4_K'],
  ] as const)('%s with %i columns becomes %s', async (type, width, expected) => {
    expect(await widths(type, width)).toBe(expected);
  });
});

describe('the output matrix', () => {
  const embedding = { 'token_embd.weight': [256, 4] };
  test('is token_embd without output.weight', async () => {
    for (const type of ['Q4_0', 'Q5_1', 'Q4_K_S', 'Q5_K_M', 'IQ4_NL', 'Q6_K'] as const) {
      expect(await chosen(await model(embedding, { block_count: 1 }), type)).toEqual({ 'token_embd.weight': 'Q6_K' });
    }
    expect(await chosen(await model(embedding, { block_count: 1 }), 'Q8_0')).toEqual({ 'token_embd.weight': 'Q8_0' });
    expect(await chosen(await model(embedding, { block_count: 1 }), 'Q4_0', true)).toEqual({
      'token_embd.weight': 'Q4_0',
    });
  });

  test('is output.weight if the file has it', async () => {
    const file = await model({ ...embedding, 'output.weight': [256, 4] }, { block_count: 1 });
    expect(await chosen(file, 'Q4_0')).toEqual({ 'token_embd.weight': 'Q4_0', 'output.weight': 'Q6_K' });
  });
});

describe('mixes', () => {
  const n = 16;
  const shapes = {
    ...layers(n, 'attn_k.weight', [256, 2]),
    ...layers(n, 'attn_v.weight', [256, 2]),
    ...layers(n, 'attn_output.weight', [256, 2]),
    ...layers(n, 'ffn_down.weight', [256, 2]),
    ...layers(n, 'ffn_up.weight', [256, 2]),
  };
  /** First and last eighth, and every third from the fourth past the first eighth on. */
  const more = [0, 1, 4, 7, 10, 13, 14, 15];
  const keys = { block_count: n, 'attention.head_count': 8 };

  test.each(['Q4_K_M', 'Q5_K_M'] as const)('%s: some of attn_v and ffn_down in Q6_K', async (type) => {
    const types = await chosen(await model(shapes, keys), type);
    expect(layersWith(types, 'attn_v.weight', 'Q6_K')).toEqual(more);
    expect(layersWith(types, 'ffn_down.weight', 'Q6_K')).toEqual(more);
    expect(layersWith(types, 'ffn_up.weight', findTargetType(type)!.base.name)).toHaveLength(n);
    expect(layersWith(types, 'attn_output.weight', findTargetType(type)!.base.name)).toHaveLength(n);
  });

  test('Q4_K_S: the first attn_v and ffn_down in Q5_K', async () => {
    const types = await chosen(await model(shapes, keys), 'Q4_K_S');
    expect(layersWith(types, 'attn_v.weight', 'Q5_K')).toEqual([0, 1, 2, 3]);
    expect(layersWith(types, 'ffn_down.weight', 'Q5_K')).toEqual([0, 1]);
  });

  test('Q5_K_S, Q6_K and Q5_0 are the same throughout', async () => {
    for (const type of ['Q5_K_S', 'Q6_K', 'Q5_0'] as const) {
      const types = await chosen(await model(shapes, keys), type);
      expect(new Set(Object.values(types))).toEqual(new Set([findTargetType(type)!.base.name]));
    }
  });

  test('IQ4_NL: the first ffn_down in Q5_K, attn_v too where four heads share it', async () => {
    const alone = await chosen(await model(shapes, keys), 'IQ4_NL');
    expect(layersWith(alone, 'attn_v.weight', 'IQ4_NL')).toHaveLength(n);
    expect(layersWith(alone, 'ffn_down.weight', 'Q5_K')).toEqual([0, 1]);
    const shared = await chosen(await model(shapes, { ...keys, 'attention.head_count_kv': 2 }), 'IQ4_NL');
    expect(layersWith(shared, 'attn_v.weight', 'Q5_K')).toHaveLength(n);
  });

  test('fused attn_qkv counts as attn_v', async () => {
    const types = await chosen(await model(layers(n, 'attn_qkv.weight', [256, 6]), keys), 'Q4_K_M');
    expect(layersWith(types, 'attn_qkv.weight', 'Q6_K')).toEqual(more);
  });

  test('eight experts: attention in Q8_0 and Q5_K, experts counted by their layer', async () => {
    const experts = { 'blk.1.ffn_down_exps.weight': [256, 2, 8], 'blk.15.ffn_down_exps.weight': [256, 2, 8] };
    const file = await model(
      {
        ...layers(n, 'attn_v.weight', [256, 2]),
        ...layers(n, 'attn_k.weight', [256, 2]),
        'blk.3.attn_output.weight': [256, 2],
        ...experts,
      },
      { ...keys, expert_count: 8 },
    );
    const types = await chosen(file, 'Q4_K_M');
    expect(layersWith(types, 'attn_v.weight', 'Q8_0')).toHaveLength(n);
    expect(layersWith(types, 'attn_k.weight', 'Q8_0')).toHaveLength(n);
    expect(types['blk.3.attn_output.weight']).toBe('Q5_K');
    expect(types['blk.1.ffn_down_exps.weight']).toBe('Q6_K');
    expect(types['blk.15.ffn_down_exps.weight']).toBe('Q6_K');
    expect((await chosen(file, 'Q4_K_S'))['blk.15.ffn_down_exps.weight']).toBe('Q4_K');
  });

  test('a file without its number of layers is refused', async () => {
    await expect(async () => chosen(await model(shapes, {}), 'Q4_K_M')).rejects.toThrow('bert.block_count');
  });
});
