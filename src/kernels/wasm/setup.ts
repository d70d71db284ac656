/**
 * @file Makes what all workers of a team share: the compiled and checked module, and the memory.
 */

import { maxThreads } from '../../tensor/backend.ts';
import { findWrongKernel } from './checks/self-check.ts';
import { type CompiledKernels, compileKernels, tryKernels } from './kernels.ts';
import { maxMemoryBytes } from './memory.ts';
import { type OutsideSetup, reserveOutside } from './outside-memory.ts';
import { Barrier, teamSize } from './team.ts';
import { readThresholds, type Thresholds, writeThresholds } from './thresholds.ts';

/** What all workers of a team share. Can be sent with `postMessage`. */
export interface WasmSetup extends CompiledKernels {
  readonly nThreads: number;
  /** Shared when `nThreads` is above 1, or if the options say so. */
  readonly memory: WebAssembly.Memory;
  /** Whether the tiles for 256-bit registers are used. */
  readonly packed: boolean;
  /** Name of the kernel that failed the check with 256-bit packing; packing is then off. */
  readonly refused?: string;
  /** Name of the kernel that failed the check of an experimental relaxed SIMD, which is then not used. */
  readonly relaxedRefused?: string;
  /** Matrices stay in the file's blocks and are unpacked at each use. */
  readonly keepBlocks: boolean;
  readonly eightBits: 'auto' | 'always' | 'never';
  /** Holds blocks that do not fit in `memory`. */
  readonly outside?: OutsideSetup;
}

/** Options of `prepareWasm`. */
export interface PrepareOptions {
  /** 1 to `maxThreads`; default 1. */
  readonly nThreads?: number;
  /** Whether the memory is shared, so that it can be sent to a worker. Default: if there are several threads. */
  readonly shared?: boolean;
  /**
   * The runtime packs neighbouring 128-bit lanes (see `packing.node.ts`): use the tiles for that, if every kernel passes its check. Default
   * false.
   */
  readonly packed?: boolean;
  /**
   * Keep matrices in the file's blocks and unpack them at each use. They then take the file's size in memory instead of two bytes a value
   * (four in `exact`, about the file's size in Q8_0), but short batches are slower. Default: false.
   */
  readonly keepBlocks?: boolean;
  /**
   * Size of the weights in the file, in bytes. With `keepBlocks`, weights beyond `insideBytes` are stored outside WebAssembly memory, which
   * ends at 4 GiB.
   */
  readonly weightBytes?: number;
  /** Bytes of WebAssembly memory for weights; the rest is for what a forward computes. Default 3 GiB. */
  readonly insideBytes?: number;
  /**
   * When `fast` computes with 8 bits. `auto`: where the engine accepts activations of a full 8 bits, which it does on CPUs where these are
   * faster than 16 bits. `always`: also with 7 bits. `never`: only for weights of 4 to 6 bits. Default `auto`.
   */
  readonly eightBits?: 'auto' | 'always' | 'never';
  /**
   * Use relaxed SIMD if the engine supports it. Its results depend on the engine and the CPU. `checked`: it is experimental in this engine (see
   * `packing.node.ts`), so use it if every kernel passes its check. Default true.
   */
  readonly relaxed?: boolean | 'checked';
  /**
   * A folder that keeps which kernels have passed their check, which they then need only once on a CPU and V8 (Node only). Default: they are
   * checked at each start.
   */
  readonly passedChecks?: string;
  /** When and how batches are divided, until `setThresholds` says otherwise. Default: what suits two cores. */
  readonly thresholds?: Thresholds;
}

/** Compiles the kernels, checks them if packing is requested, and makes the memory. */
export async function prepareWasm(options: PrepareOptions = {}): Promise<WasmSetup> {
  const { nThreads = 1, packed = false, keepBlocks = false, eightBits = 'auto', relaxed = true } = options;
  const { weightBytes = 0, insideBytes = 3 * 2 ** 30, passedChecks } = options;
  if (!Number.isInteger(nThreads) || nThreads < 1 || nThreads > maxThreads) {
    throw new RangeError(`${nThreads} is not a number of threads: 1 to ${maxThreads}`);
  }
  const { shared = nThreads > 1 } = options;
  const { relaxedRefused, ...compiled } = await compileRelaxed(shared, relaxed, passedChecks);
  const outside =
    keepBlocks && weightBytes > insideBytes ? reserveOutside(weightBytes, insideBytes, shared) : undefined;
  const memory = makeMemory(shared);
  if (options.thresholds !== undefined) writeThresholds(memory, options.thresholds);
  const rest = { nThreads, memory, keepBlocks, eightBits, outside, relaxedRefused };
  const refused = packed ? await wrongKernel(compiled, passedChecks) : undefined;
  if (refused === undefined) return { ...withoutBytes(compiled), ...rest, packed };
  const { disablePacking } = await import('./packing.node.ts');
  disablePacking();
  const unpacked = await compileKernels(shared, 'without packing', relaxed !== false);
  return { ...withoutBytes(unpacked), ...rest, packed: false, refused };
}

/** The compiled kernels, without relaxed SIMD where it is experimental and a kernel fails its check. */
async function compileRelaxed(
  shared: boolean,
  relaxed: boolean | 'checked',
  passedChecks: string | undefined,
): Promise<FreshKernels & Pick<WasmSetup, 'relaxedRefused'>> {
  const compiled = await compileKernels(shared, undefined, relaxed !== false);
  if (relaxed !== 'checked' || !compiled.relaxed) return compiled;
  const relaxedRefused = await wrongKernel(compiled, passedChecks);
  return relaxedRefused === undefined
    ? compiled
    : { ...(await compileKernels(shared, undefined, false)), relaxedRefused };
}

type FreshKernels = Awaited<ReturnType<typeof compileKernels>>;

/** What workers need of compiled kernels. */
function withoutBytes({ module, relaxed, shared }: FreshKernels): CompiledKernels {
  return { module, relaxed, shared };
}

/** The first kernel that fails its check. Does not check what has passed before. */
async function wrongKernel(compiled: FreshKernels, passedChecks: string | undefined): Promise<string | undefined> {
  const passed =
    passedChecks === undefined
      ? undefined
      : (await import('./checks/passed.node.ts')).passedCheck(passedChecks, compiled.bytes);
  if (passed?.isKnown) return undefined;
  const { kernels, memory } = await tryKernels(compiled);
  const wrong = findWrongKernel(kernels, memory);
  if (wrong === undefined) passed?.keep();
  return wrong;
}

/** A memory that can grow as far as the runtime allows: address space is reserved, not used. */
function makeMemory(shared: boolean): WebAssembly.Memory {
  for (let maximum = maxMemoryBytes / 65536; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 16, maximum, shared });
    } catch (error) {
      if (maximum >= 4096) continue;
      throw new RangeError(
        'there is no address space for a WebAssembly memory: raise the limit of virtual memory (ulimit -v), start Node with ' +
          'NODE_OPTIONS=--disable-wasm-trap-handler, which then needs less, or use the reference backend',
        { cause: error },
      );
    }
  }
}

/** One line for users: instruction set and threads. */
export function describeSetup({ nThreads, packed, refused, relaxed, relaxedRefused }: WasmSetup): string {
  const packing = packed ? ', 256-bit packing' : refused ? `, 256-bit packing refused (${refused})` : '';
  const withoutRelaxed = relaxedRefused ? `, relaxed SIMD refused (${relaxedRefused})` : '';
  const threads = nThreads === 1 ? 'one thread' : `${nThreads} threads`;
  return `WebAssembly ${relaxed ? 'relaxed ' : ''}SIMD${packing}${withoutRelaxed}, ${threads}`;
}

/**
 * The number of workers for a batch. A short batch stays on one worker, because waking another costs more than it saves.
 * @param offsets as in `Batch`
 */
export function suggestTeam(offsets: Int32Array, { nThreads, keepBlocks, memory }: WasmSetup): number {
  return teamSize(offsets[offsets.length - 1], nThreads, keepBlocks, readThresholds(memory));
}

/** Sets when and how batches are divided, for all workers; while no forward is under way. */
export function setThresholds({ memory }: WasmSetup, thresholds: Thresholds): void {
  writeThresholds(memory, thresholds);
}

/** Ends a team after one of its workers has died: every member's `read` fails from now on. */
export function abortTeam(setup: WasmSetup): void {
  new Barrier(setup.memory).giveUp();
}
