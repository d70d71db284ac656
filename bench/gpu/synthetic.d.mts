import type { Backend } from '../../src/tensor/backend.ts';
import type { Batch } from '../../src/tensor/batch.ts';

export function syntheticBert(
  backend: Backend,
  types: unknown,
  shape: { readonly nLayer: number; readonly nEmbd: number; readonly nFf: number; readonly nHead: number },
  type: string,
): Promise<(batch: Batch) => Promise<Float32Array>>;
export function packed(nSeq: number, length: number): Batch;
