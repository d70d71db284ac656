/**
 * @file The types of an open checkpoint, independent of its file format.
 */

/** Supported storage types. Integers occur only in buffers that are not converted. */
export type DType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

/** Bytes of one value. */
export const dtypeBytes: Readonly<Record<DType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** A tensor of a checkpoint. */
export interface CheckpointTensor {
  readonly name: string;
  readonly dtype: DType;
  /** Slowest axis first, as in PyTorch. */
  readonly shape: readonly number[];
  /** Fills `into` with the values from `first` on, row-major, little-endian. */
  read(first: number, into: Uint8Array): Promise<void>;
}

/** An open checkpoint. */
export interface Checkpoint {
  readonly tensors: readonly CheckpointTensor[];
  close(): Promise<void>;
}

/** Whether values of a type can be weights. */
export function holdsWeights(dtype: DType): boolean {
  return dtype === 'F64' || dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** A tensor that is in memory. Default shape: one axis. */
export function tensorOf(
  name: string,
  values: Float32Array,
  shape: readonly number[] = [values.length],
): CheckpointTensor {
  return {
    name,
    dtype: 'F32',
    shape,
    async read(first, into) {
      const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
      for (let i = 0; 4 * i < into.length; i++) view.setFloat32(4 * i, values[first + i], true);
    },
  };
}
