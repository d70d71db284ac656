/**
 * @file Random GGUFs for property tests: what to write, and how it is written.
 */
import fc from 'fast-check';
import { type GgmlType, ggmlTypes, rowBytes } from '../../src/gguf/ggml-types.ts';
import {
  type ArrayToWrite,
  GgufWriter,
  type GgufWriterOptions,
  memorySink,
  type ScalarType,
  type ValueToWrite,
} from '../../src/gguf/index.ts';
import { MAX_TENSOR_NAME_BYTES } from '../../src/gguf/limits.ts';
import { nElements } from '../../src/gguf/shape.ts';

/** A tensor with its little-endian data. */
export interface TensorPlan {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** All that a file holds. */
export interface GgufPlan {
  readonly options: Required<GgufWriterOptions>;
  readonly alignment: number | undefined;
  readonly values: readonly (readonly [key: string, value: ValueToWrite])[];
  readonly tensors: readonly TensorPlan[];
}

const float32 = fc.float({ noNaN: false });

const scalarValues: Readonly<Record<ScalarType, fc.Arbitrary<number | bigint | boolean>>> = {
  uint8: fc.integer({ min: 0, max: 255 }),
  int8: fc.integer({ min: -128, max: 127 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  float32,
  bool: fc.boolean(),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double(),
};

const scalarType = fc.constantFrom(...(Object.keys(scalarValues) as ScalarType[]));
const text = fc.string({ unit: 'binary', maxLength: 20 });

const array: fc.Arbitrary<ArrayToWrite> = fc.letrec<{ array: ArrayToWrite }>((tie) => ({
  array: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalarType.chain((elementType) =>
      fc.record({
        elementType: fc.constant(elementType),
        values: fc.array(scalarValues[elementType], { maxLength: 6 }),
      }),
    ),
    fc.record({ elementType: fc.constant('string' as const), values: fc.array(text, { maxLength: 6 }) }),
    fc.record({
      elementType: fc.constant('array' as const),
      values: fc.array(tie('array'), { maxLength: 3, depthIdentifier: 'a' }),
    }),
  ),
})).array;

const value: fc.Arbitrary<ValueToWrite> = fc.oneof(
  scalarType.chain((type) => fc.record({ type: fc.constant(type), value: scalarValues[type] })),
  fc.record({ type: fc.constant('string' as const), value: text }),
  fc.record({ type: fc.constant('array' as const), value: array }),
);

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((n) => !n.includes('\0') && Buffer.byteLength(n) <= MAX_TENSOR_NAME_BYTES);

const tensor: fc.Arbitrary<TensorPlan> = fc
  .record({
    name,
    type: fc.constantFrom(...Object.values(ggmlTypes)),
    blocks: fc.integer({ min: 0, max: 3 }),
    rest: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
    seed: fc.integer(),
  })
  .map(({ name, type, blocks, rest, seed }) => {
    const shape = [blocks * type.blockSize, ...rest];
    const data = new Uint8Array(rowBytes(type, shape[0]) * nElements(rest));
    for (let i = 0; i < data.length; i++) data[i] = (Math.imul(i + 1, 2654435761) ^ seed) >>> 11;
    return { name, type, shape, data };
  });

/** Any file that the format allows, small. */
export const ggufPlan: fc.Arbitrary<GgufPlan> = fc.record({
  options: fc.record({ littleEndian: fc.boolean(), version: fc.constantFrom<2 | 3>(2, 3) }),
  alignment: fc.option(fc.constantFrom(1, 2, 8, 32, 64, 256), { nil: undefined }),
  values: fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 8 }),
  tensors: fc.uniqueArray(tensor, { selector: (plan) => plan.name, maxLength: 5 }),
});

/** The bytes of the file. */
export async function writePlan({ options, alignment, values, tensors }: GgufPlan): Promise<Uint8Array<ArrayBuffer>> {
  const sink = memorySink();
  const writer = new GgufWriter(sink, options);
  for (const [key, item] of values) writer.set(key, item);
  if (alignment !== undefined) writer.set('general.alignment', { type: 'uint32', value: alignment });
  for (const plan of tensors) writer.addTensor(plan.name, plan.type, plan.shape);
  await writer.writeHeader();
  for (const plan of tensors) await writer.writeTensor(plan.name, halves(plan));
  writer.finish();
  return sink.bytes();
}

/** The data in two pieces of whole blocks. */
function* halves({ type, data }: TensorPlan): Generator<Uint8Array> {
  const middle = Math.floor(data.length / type.blockBytes / 2) * type.blockBytes;
  yield data.subarray(0, middle);
  yield data.subarray(middle);
}
