/**
 * @file Mutations of meaning: files whose container is sound and whose content is not.
 */
import { type GgufArray, ggmlTypes, type ScalarType, type TypedValue, type ValueType } from '../../src/gguf/index.ts';
import { typedArrays, valueTypeNames } from '../../src/gguf/value-types.ts';
import type { Pair, Plan, PlannedTensor } from './plan.ts';
import type { Random } from './random.ts';
import { firstItems, stringArray } from './seeds.ts';

const utf8 = new TextEncoder();

/** Changes one to three things. */
export function mutatePlan(plan: Plan, random: Random): Plan {
  let result = plan;
  for (let n = 1 + random.below(3); n > 0; n--) result = random.pick(edits)(result, random);
  return result;
}

type Edit = (plan: Plan, random: Random) => Plan;

/** Replaces, removes (`[]`) or multiplies one pair. */
const editPair =
  (edit: (pair: Pair, random: Random, plan: Plan) => Pair[]): Edit =>
  (plan, random) => {
    if (plan.pairs.length === 0) return plan;
    const at = random.below(plan.pairs.length);
    return { ...plan, pairs: plan.pairs.toSpliced(at, 1, ...edit(plan.pairs[at], random, plan)) };
  };

/** As `editPair`, for arrays only: where most of the content is. */
const editArray =
  (edit: (array: GgufArray, random: Random) => GgufArray): Edit =>
  (plan, random) => {
    const arrays = plan.pairs.flatMap((pair, at) => (pair.value.type === 'array' ? [at] : []));
    if (arrays.length === 0) return plan;
    const at = random.pick(arrays);
    const { value } = plan.pairs[at].value as Extract<TypedValue, { type: 'array' }>;
    return {
      ...plan,
      pairs: plan.pairs.with(at, { ...plan.pairs[at], value: { type: 'array', value: edit(value, random) } }),
    };
  };

const editTensor =
  (edit: (tensor: PlannedTensor, random: Random, plan: Plan) => PlannedTensor[]): Edit =>
  (plan, random) => {
    if (plan.tensors.length === 0) return plan;
    const at = random.below(plan.tensors.length);
    return { ...plan, tensors: plan.tensors.toSpliced(at, 1, ...edit(plan.tensors[at], random, plan)) };
  };

const numbers = [
  0,
  1,
  2,
  3,
  5,
  7,
  8,
  12,
  16,
  63,
  64,
  65,
  100,
  127,
  128,
  255,
  512,
  1024,
  2 ** 16,
  2 ** 20,
  2 ** 31 - 1,
  2 ** 32 - 1,
];
const reals = [
  0,
  -0,
  1,
  -1,
  1e-45,
  1e-12,
  1e38,
  -1e38,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0.5,
  1e9,
];
const texts = [
  '',
  'bert',
  't5',
  'gpt2',
  'llama',
  'rwkv',
  'none',
  'modern-bert',
  'gemma-embedding',
  'qwen2',
  'default',
  'jina-v2-code',
  'a\0b',
  '\ud83d\ude00',
  'x'.repeat(3000),
  '{{ query }}',
  'yarn',
  'linear',
];
const pieces = [
  '',
  ' ',
  'a',
  'a b',
  ' a',
  'b ',
  'Ġ',
  'Ġ t',
  '▁',
  '[UNK]',
  '[CLS]',
  '<s>',
  '</s>',
  '<unk>',
  '<0x41>',
  '<0x00>',
  '\0',
  'é',
  'x'.repeat(500),
  'a'.repeat(40),
];
const broken = [
  [0xff],
  [0xc3],
  [0xe2, 0x96],
  [0xf0, 0x9f, 0x98],
  [0x80],
  [0xed, 0xa0, 0x80],
  [0xc0, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
];

function randomScalar(type: ScalarType, random: Random): number | bigint | boolean {
  if (type === 'bool') return random.chance(0.5);
  if (type === 'float32' || type === 'float64') return random.pick(reals);
  const typed = new typedArrays[type](1);
  typed[0] = type === 'uint64' || type === 'int64' ? BigInt(random.pick(numbers)) * 65537n : random.pick(numbers);
  return typed[0];
}

function randomText(random: Random): Uint8Array {
  return random.chance(0.3) ? Uint8Array.from(random.pick(broken)) : utf8.encode(random.pick(pieces));
}

function randomValue(random: Random, depth = 0): TypedValue {
  const type = random.pick(valueTypeNames);
  if (type === 'string')
    return { type, value: random.chance(0.8) ? utf8.encode(random.pick(texts)) : randomText(random) };
  if (type === 'array') return { type, value: randomArray(random, depth) };
  return { type, value: randomScalar(type, random) };
}

function randomArray(random: Random, depth: number): GgufArray {
  const elementType: ValueType = random.pick(valueTypeNames);
  const n = random.pick([0, 1, 2, 3, 64, 128, 129]);
  if (elementType === 'string')
    return { elementType, values: stringArray(Array.from({ length: n }, () => randomText(random))) };
  if (elementType === 'array') {
    const inner = depth > 10 || random.chance(0.1) ? 0 : random.pick([1, 1, 2]);
    return { elementType, values: Array.from({ length: inner }, () => randomArray(random, depth + 1)) };
  }
  const values = new typedArrays[elementType](n);
  for (let i = 0; i < n; i++) values[i] = randomScalar(elementType, random) as never;
  return { elementType, values };
}

/** One or a few elements replaced. */
function changeItems(array: GgufArray, random: Random): GgufArray {
  const { length } = array.values;
  if (length === 0) return array;
  if (array.elementType === 'array') return { ...array, values: [] };
  const times = random.pick([1, 1, 2, 20]);
  if (array.elementType === 'string') {
    const list = Array.from({ length }, (_, i) => array.values.bytes(i));
    for (let i = 0; i < times; i++)
      list[random.below(length)] = random.chance(0.5) ? random.pick(list) : randomText(random);
    return { ...array, values: stringArray(list) };
  }
  const values = array.values.slice();
  for (let i = 0; i < times; i++) values[random.below(length)] = randomScalar(array.elementType, random) as never;
  return { ...array, values };
}

const typeIds = Object.values(ggmlTypes).map(({ id }) => id);
const dims = [
  0n,
  1n,
  2n,
  3n,
  31n,
  32n,
  63n,
  64n,
  65n,
  128n,
  256n,
  1n << 20n,
  1n << 31n,
  1n << 32n,
  1n << 53n,
  1n << 63n,
];

function changeDimension(shape: readonly bigint[], random: Random): readonly bigint[] {
  return shape.length === 0 ? [random.pick(dims)] : shape.with(random.below(shape.length), random.pick(dims));
}

/** Data of another size: what the new shape needs, as far as it is small. */
function reshaped(tensor: PlannedTensor, shape: readonly bigint[], type: number): PlannedTensor {
  const ggml = Object.values(ggmlTypes).find(({ id }) => id === type);
  const elements = shape.reduce((product, n) => product * n, 1n);
  if (ggml === undefined || elements > 1n << 16n) return { ...tensor, shape, type };
  const data = new Uint8Array(Math.ceil(Number(elements) / ggml.blockSize) * ggml.blockBytes);
  for (let at = 0; at < data.length && tensor.data.length > 0; at += tensor.data.length) {
    data.set(tensor.data.subarray(0, data.length - at), at);
  }
  return { ...tensor, shape, type, data };
}

/** Values that are no numbers, or any bytes: scales of blocks become NaN, infinite, huge. */
function poisoned(tensor: PlannedTensor, random: Random): PlannedTensor {
  const data = tensor.data.slice();
  if (data.length === 0) return tensor;
  const pattern = random.pick([
    [0x00, 0x00, 0xc0, 0x7f],
    [0x00, 0x00, 0x80, 0x7f],
    [0x00, 0x7c],
    [0xff, 0xff],
    [0x00, 0xfe],
    [0xff, 0x7b],
    [0x01, 0x00],
  ]);
  const begin = 2 * random.below(Math.ceil(data.length / 2));
  const n = random.pick([pattern.length, 64, data.length]);
  for (let i = 0; i < n && begin + i < data.length; i++)
    data[begin + i] = random.chance(0.01) ? random.below(256) : pattern[i % pattern.length];
  return { ...tensor, data };
}

const changeValue = editPair((pair, random) => {
  const { value } = pair;
  if (value.type === 'array') return [{ ...pair, value: { type: 'array', value: changeItems(value.value, random) } }];
  if (value.type === 'string') return [{ ...pair, value: { type: 'string', value: utf8.encode(random.pick(texts)) } }];
  return [{ ...pair, value: { type: value.type, value: randomScalar(value.type, random) } }];
});

const changeType = editPair((pair, random) => {
  const value = randomValue(random);
  return [{ ...pair, type: valueTypeNames.indexOf(value.type), value }];
});

const swapTensors: Edit = (plan, random) => {
  if (plan.tensors.length === 0) return plan;
  const [a, b] = [random.below(plan.tensors.length), random.below(plan.tensors.length)];
  return { ...plan, tensors: plan.tensors.with(a, plan.tensors[b]).with(b, plan.tensors[a]) };
};

const changeAlignment: Edit = (plan, random) => {
  const alignment = random.pick([1, 2, 8, 16, 64, 4096]);
  const pair: Pair = { key: utf8.encode('general.alignment'), type: 4, value: { type: 'uint32', value: alignment } };
  return { ...plan, alignment: random.chance(0.8) ? alignment : plan.alignment, pairs: [...plan.pairs, pair] };
};

const addCharsmap: Edit = (plan, random) => {
  const values = new Uint8Array(random.pick([0, 3, 4, 5, 8, 64, 300]));
  for (let i = 0; i < values.length; i++) values[i] = random.chance(0.5) ? 0 : random.below(256);
  if (values.length > 8 && random.chance(0.8)) values.set([values.length >> 1, 0, 0, 0]);
  const value: TypedValue = { type: 'array', value: { elementType: 'uint8', values } };
  return {
    ...plan,
    pairs: [...plan.pairs, { key: utf8.encode('tokenizer.ggml.precompiled_charsmap'), type: 9, value }],
  };
};

const edits: readonly Edit[] = [
  changeValue,
  changeValue,
  changeValue,
  changeType,
  editPair(() => []),
  editPair((pair) => [pair, pair]),
  editPair((pair, random) => [{ ...pair, key: randomText(random) }]),
  editPair((pair, random, plan) => [{ ...pair, key: random.pick(plan.pairs).key }]),
  editArray(changeItems),
  editArray(changeItems),
  editArray((array, random) => firstItems(array, random.below(array.values.length + 1))),
  editArray((_, random) => randomArray(random, 0)),
  addCharsmap,
  changeAlignment,
  swapTensors,
  editTensor(() => []),
  editTensor((tensor) => [tensor, tensor]),
  editTensor((tensor, random, plan) => [{ ...tensor, name: random.pick(plan.tensors).name }]),
  editTensor((tensor, random) => [{ ...tensor, name: randomText(random) }]),
  editTensor((tensor, random) => [reshaped(tensor, changeDimension(tensor.shape, random), tensor.type)]),
  editTensor((tensor, random) => [
    reshaped(
      tensor,
      Array.from({ length: random.below(6) }, () => random.pick(dims)),
      tensor.type,
    ),
  ]),
  editTensor((tensor) => [reshaped(tensor, [...tensor.shape].reverse(), tensor.type)]),
  editTensor((tensor, random) => [reshaped(tensor, tensor.shape, random.pick(typeIds))]),
  editTensor((tensor, random) => [{ ...tensor, type: random.below(50) }]),
  editTensor((tensor, random) => [{ ...tensor, offset: BigInt(random.pick([0, 1, 31, 32, 64, 4096, 2 ** 31])) }]),
  editTensor((tensor, random) => [poisoned(tensor, random)]),
  editTensor((tensor, random) => [poisoned(tensor, random)]),
];
