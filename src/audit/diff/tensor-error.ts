/**
 * @file Measures how much the values of one tensor differ between two files.
 */
import { type GgufFile, nElements, rowBytes, type TensorInfo } from '../../gguf/index.ts';
import { codecs } from '../../tensor/codecs/index.ts';

/** Number of values that are compared at a time: a multiple of every block size. */
const PIECE = 2 ** 18;

/** The differences of the values, all sums in double. */
export interface TensorError {
  readonly nValues: number;
  /** Sum of the squares of the differences, and of the reference's finite values. */
  readonly squaredError: number;
  readonly squaredReference: number;
  /** The square root of the first sum over the second: 0 for equal values. */
  readonly error: number;
  /** Largest difference of two values; NaN if one of them is NaN. */
  readonly largest: number;
}

/** A tensor of a file. */
interface Side {
  readonly file: GgufFile;
  readonly info: TensorInfo;
}

/**
 * Compares `other` with `reference`, which has the same shape. `undefined` when type and bytes are the same.
 * @param done receives the number of values after each piece
 */
export async function tensorError(
  reference: Side,
  other: Side,
  done: (nValues: number) => Promise<void>,
): Promise<TensorError | undefined> {
  const nValues = nElements(reference.info.shape);
  const size = Math.min(PIECE, nValues);
  const sides = [pieces(reference, size), pieces(other, size)] as const;
  let same = reference.info.type === other.info.type;
  let [squaredError, squaredReference, largest] = [0, 0, 0];
  for (let first = 0; first < nValues; first += size) {
    const n = Math.min(size, nValues - first);
    const [a, b] = [await sides[0](first, n), await sides[1](first, n)];
    same &&= a.bytes.every((byte, i) => byte === b.bytes[i]);
    for (let i = 0; i < n; i++) {
      const [x, y] = [a.values[i], b.values[i]];
      const difference = Object.is(x, y) ? 0 : x - y;
      squaredError += difference * difference;
      if (Number.isFinite(x)) squaredReference += x * x;
      largest = Math.max(largest, Math.abs(difference));
    }
    await done(n);
  }
  return same ? undefined : finish({ nValues, squaredError, squaredReference, largest });
}

/** The combined error of several tensors. */
export function addErrors(errors: readonly TensorError[]): TensorError {
  const sum = (value: (error: TensorError) => number) => errors.reduce((total, error) => total + value(error), 0);
  return finish({
    nValues: sum(({ nValues }) => nValues),
    squaredError: sum(({ squaredError }) => squaredError),
    squaredReference: sum(({ squaredReference }) => squaredReference),
    largest: Math.max(...errors.map(({ largest }) => largest)),
  });
}

function finish(sums: Omit<TensorError, 'error'>): TensorError {
  const { squaredError, squaredReference } = sums;
  return { ...sums, error: squaredError === 0 ? 0 : Math.sqrt(squaredError / squaredReference) };
}

/** Reads pieces of a tensor into one buffer. */
function pieces({ file, info }: Side, size: number) {
  const buffer = new Uint8Array(rowBytes(info.type, size));
  const values = new Float32Array(size);
  return async (first: number, n: number) => {
    const bytes = buffer.subarray(0, rowBytes(info.type, n));
    await file.readTensor(info, rowBytes(info.type, first), bytes);
    codecs[info.type.name].dequantize(bytes, values, n);
    return { bytes, values };
  };
}
