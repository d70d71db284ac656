/**
 * @file The table of ggml tensor types: id, name, values per block, bytes per block.
 *
 * An id is the value of the `type` field of a tensor in a GGUF file. Ids 4, 5, 31-33 and 36-38 belonged to types
 * that ggml has removed; a file with such a tensor is refused.
 */

/** One storage type. A row of `n` values takes `n / blockSize * blockBytes` bytes; `n` must be a multiple of `blockSize`. */
export interface GgmlType {
  /** The number in the file. */
  readonly id: number;
  /** ggml's name, e.g. `Q8_0`. */
  readonly name: GgmlTypeName;
  /** Values in one block (1 for the plain types). */
  readonly blockSize: number;
  /** Bytes of one block. */
  readonly blockBytes: number;
}

const table = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [15, 'Q8_K', 256, 292],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [39, 'MXFP4', 32, 17],
  [40, 'NVFP4', 64, 36],
  [41, 'Q1_0', 128, 18],
  [42, 'Q2_0', 64, 18],
] as const;

/** The names of all types that a file may contain. */
export type GgmlTypeName = (typeof table)[number][1];

/** All types, by name. */
export const ggmlTypes = Object.fromEntries(
  table.map(([id, name, blockSize, blockBytes]) => [name, { id, name, blockSize, blockBytes }]),
) as Readonly<Record<GgmlTypeName, GgmlType>>;

const byId = new Map<number, GgmlType>(Object.values(ggmlTypes).map((type) => [type.id, type]));

/** The type with this id, or `undefined` for an id that is unknown or was removed. */
export function ggmlTypeById(id: number): GgmlType | undefined {
  return byId.get(id);
}

/**
 * Bytes of one row of `n` values.
 * @throws RangeError when `n` is not a multiple of the block size.
 */
export function rowBytes(type: GgmlType, n: number): number {
  if (n % type.blockSize !== 0) {
    throw new RangeError(`a row of ${n} values does not divide into ${type.name} blocks of ${type.blockSize}`);
  }
  return (n / type.blockSize) * type.blockBytes;
}
