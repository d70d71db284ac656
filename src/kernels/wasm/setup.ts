/**
 * @file Makes what all workers of a team have in common: the compiled and checked module, and the memory.
 */

import { findWrongKernel } from './checks/self-check.ts';
import { type CompiledKernels, compileKernels, tryKernels } from './kernels.ts';
import { maxMemoryBytes } from './memory.ts';
import { type OutsideSetup, reserveOutside } from './outside-memory.ts';
import { Barrier } from './team.ts';

/** What all workers of a team have in common. Can be sent with `postMessage`. */
export interface WasmSetup extends CompiledKernels {
  readonly nThreads: number;
  /** Shared when `nThreads` is above 1. */
  readonly memory: WebAssembly.Memory;
  /** Tiles made for 256-bit registers are in use. */
  readonly packed: boolean;
  /** Name of the kernel whose packed form was wrong, so that packing was given up. */
  readonly refused?: string;
  /** Matrices stay in the file's blocks and are unpacked while they are used. */
  readonly keepBlocks: boolean;
  readonly eightBits: 'auto' | 'always' | 'never';
  /** Where blocks go that do not fit in `memory`. */
  readonly outside?: OutsideSetup;
}

/** Options of `prepareWasm`. */
export interface PrepareOptions {
  /** Default 1. */
  readonly nThreads?: number;
  /**
   * The runtime packs neighbouring 128-bit lanes (see `packing.node.ts`): use tiles made for that, if every kernel turns
   * out right. Default false.
   */
  readonly packed?: boolean;
  /**
   * Keep matrices in the file's blocks, which takes the file's size in memory instead of two bytes a value (four in
   * `exact`), and unpack them at each use, which costs time on short batches. Default: false.
   */
  readonly keepBlocks?: boolean;
  /**
   * Bytes that the weights take in the file. With `keepBlocks`, more than `insideBytes` makes those that come later stay outside of
   * WebAssembly memory, which ends at 4 GiB.
   */
  readonly weightBytes?: number;
  /** Bytes of WebAssembly memory for weights; the rest is for what a forward computes. Default 3 GiB. */
  readonly insideBytes?: number;
  /**
   * When `fast` computes with 8 bits: `auto` where the engine takes activations of a full 8 bits, which it does on CPUs where they are
   * faster than 16 bits; `always` also with 7 bits; `never` but for weights of 4 bits. Default `auto`.
   */
  readonly eightBits?: 'auto' | 'always' | 'never';
  /** Use relaxed SIMD where the engine has it, whose results depend on the engine and the CPU. Default true. */
  readonly relaxed?: boolean;
}

/** Compiles the kernels, checks them where packing is asked for, and makes the memory. */
export async function prepareWasm(options: PrepareOptions = {}): Promise<WasmSetup> {
  const { nThreads = 1, packed = false, keepBlocks = false, eightBits = 'auto', relaxed = true } = options;
  const { weightBytes = 0, insideBytes = 3 * 2 ** 30 } = options;
  if (!Number.isInteger(nThreads) || nThreads < 1) throw new RangeError(`${nThreads} is no number of threads`);
  const shared = nThreads > 1;
  const compiled = await compileKernels(shared, undefined, relaxed);
  const outside =
    keepBlocks && weightBytes > insideBytes ? reserveOutside(weightBytes, insideBytes, shared) : undefined;
  const rest = { nThreads, memory: makeMemory(shared), keepBlocks, eightBits, outside };
  const refused = packed ? await wrongKernel(compiled, shared) : undefined;
  if (refused === undefined) return { ...compiled, ...rest, packed };
  const { disablePacking } = await import('./packing.node.ts');
  disablePacking();
  return { ...(await compileKernels(shared, 'without packing', relaxed)), ...rest, packed: false, refused };
}

async function wrongKernel({ module }: CompiledKernels, shared: boolean): Promise<string | undefined> {
  const { kernels, memory } = await tryKernels(module, shared);
  return findWrongKernel(kernels, memory);
}

/** A memory that can grow as far as the runtime lets it: address space is reserved, not used. */
function makeMemory(shared: boolean): WebAssembly.Memory {
  for (let maximum = maxMemoryBytes / 65536; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 16, maximum, shared });
    } catch (error) {
      if (maximum < 4096) throw error;
    }
  }
}

/** Ends a team one of whose workers has died: every member's `read` fails from now on. */
export function abortTeam(setup: WasmSetup): void {
  new Barrier(setup.memory).giveUp();
}
