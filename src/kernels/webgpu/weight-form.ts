/**
 * @file The form of quantised matrices in GPU memory: as in the file, or expanded to f16.
 */
import type { WeightRole } from '../../tensor/backend.ts';
import { isLarge } from './batch-bounds.ts';
import type { Loader } from './loaders/index.ts';

/** `auto` expands matrices with precision `fast`, where products round them to f16 anyway and there is room. */
export type WeightForm = 'auto' | 'quantised' | 'f16';

/** What `auto` depends on. */
interface Circumstances {
  /** Whether products may use matrices of f16, f16 operands, and products of bytes. */
  readonly matrix: boolean;
  readonly halves: boolean;
  readonly int8: boolean;
  readonly info: GPUAdapterInfo;
  /** Bytes of the largest buffer. */
  readonly maxBufferSize: number;
  /** Bytes of GPU memory that may be used, if that is limited. */
  readonly memoryBudget?: number;
  /** Values in the matrices of the model's layers. */
  readonly layerWeights?: number;
}

/** Whether quantised weights of a type are expanded. Tables are so only with `f16`: few of their rows are read. */
export function expands(form: WeightForm, loader: Loader, role: WeightRole, circumstances: Circumstances): boolean {
  if (form !== 'auto' || role === 'table') return form === 'f16';
  const { matrix, halves, int8, layerWeights = Number.POSITIVE_INFINITY } = circumstances;
  const inF16 = matrix || (halves && !(int8 && loader.int8 !== undefined));
  return inF16 && 2 * layerWeights <= room(circumstances);
}

/** Bytes that expanded matrices may take. WebGPU does not tell the memory of an adapter; a large GPU has at least that of its largest buffer. */
function room({ info, maxBufferSize, memoryBudget }: Circumstances): number {
  if (memoryBudget !== undefined) return memoryBudget / 2;
  return isLarge(info) ? maxBufferSize / 4 : 0;
}
