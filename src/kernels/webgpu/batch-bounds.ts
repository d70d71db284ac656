/**
 * @file How large a batch an adapter takes well: large batches fill a large GPU, and keep a small one from other work for too long.
 *
 * WebGPU tells neither the memory nor the speed of an adapter. Its limits bound the memory; vendor and architecture tell large GPUs from
 * those that share a chip with the CPU.
 */
import { isSoftware } from './probe.ts';

/** What one batch may take. */
export interface BatchBounds {
  readonly maxTokens: number;
  /** Bytes of intermediates. */
  readonly maxBytes: number;
  /** Floating-point operations: about a second on the slowest adapters of a class, because drivers end what takes longer. */
  readonly maxOperations: number;
}

/** The rest of the memory is for weights and for a batch that waits. */
const memoryShare = 4;

const largeVendors = ['nvidia', 'amd', 'apple'];
/** Intel's discrete architectures as Dawn names them: `gen-12hp`, `xe-2hpg`. */
const largeIntel = /hpg?$/;

/** Whether an adapter is a GPU of its own, or an integrated one that is as fast. */
export function isLarge({ vendor, architecture }: Pick<GPUAdapterInfo, 'vendor' | 'architecture'>): boolean {
  return largeVendors.includes(vendor) || (vendor === 'intel' && largeIntel.test(architecture));
}

/**
 * Bounds of an adapter.
 * @param maxBindingSize bytes that one binding may have, where all intermediates lie
 * @param memoryBudget bytes of GPU memory that may be used
 */
export function batchBounds(
  info: Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description' | 'isFallbackAdapter'>,
  maxBindingSize: number,
  memoryBudget = Number.POSITIVE_INFINITY,
): BatchBounds {
  const maxBytes = Math.min(maxBindingSize, memoryBudget) / memoryShare;
  if (isSoftware(info as GPUAdapterInfo)) return { maxTokens: 512, maxBytes, maxOperations: 0 };
  const large = isLarge(info);
  return { maxTokens: large ? 8192 : 2048, maxBytes, maxOperations: large ? 2e12 : 2.5e11 };
}
