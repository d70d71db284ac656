/**
 * @file The backend's memory: its layout, views of it, and how it grows.
 *
 * ```
 * 0            256    320        1024         36 KiB   52 KiB   62 KiB    63 KiB    64 KiB      weightsEnd
 * thresholds   zeros  constants  code books   pieces   speeds   own       barrier   weights …   staging while loading, slabs of the ranks in a forward
 * ```
 * Workers that compute alone have their slabs in the same place, one behind the other. A batch that needs more has pages that its worker has added at
 * the end; forwards of a team may use these, too.
 */

import { maxThreads } from '../../tensor/backend.ts';
import type { Address, Stride } from './kernels.ts';

const pageBytes = 65536;

/** Limit of 32-bit addresses. */
export const maxMemoryBytes = 65536 * pageBytes;

/** Int32 words that say how batches are divided, see `thresholds.ts`. */
export const thresholdsAddress = 0;
/** A word of each rank, see `pieces.ts`: each in a cache line of its own. */
export const piecesAddress = 36 * 1024;
export const pieceStride = 64;
/** Float32 words of each rank, see `speeds.ts`. */
export const speedsAddress = piecesAddress + maxThreads * pieceStride;
export const speedWords = 4;
/** An int32 word: the bytes of the slab of each worker that computes alone; 0 until one has. */
const ownAddress = 62 * 1024;
/** As many tokens as a worker computes alone (`src/engine/team/worker-batches.ts`). */
const ownTokens = 256;
/** Most bytes of the slabs of all workers that compute alone. Only what is used of them takes memory. */
const ownBytes = 2 ** 28;
/** Int32 words of the barrier, see `team.ts`: each at a distance of `barrierStride` from the one before. */
export const barrierAddress = 63 * 1024;
/**
 * Two cache lines, because CPUs fetch lines in pairs. A rank that polls one word then does not lose its line whenever another rank writes
 * another word.
 */
export const barrierStride = 128;
/** 64 bytes of zeros: the bias of a layer without one. */
export const zerosAddress = 256;
/** Code books of the IQ types. */
export const tablesAddress = 1024;

const firstWeight = pageBytes;

/** Rounds up to a multiple of `unit`, a power of two below 2³¹. */
export function alignUp(n: number, unit: number): number {
  return Math.ceil(n / unit) * unit;
}

/**
 * Bytes from row to row: a whole number of cache lines, from 1 KiB on an odd number. Rows at a distance of a power of two compete for the
 * same few cache sets (4 % of a product).
 */
export function rowStride(bytes: number): Stride {
  const stride = alignUp(bytes, 64);
  return stride >= 1024 && stride % 128 === 0 ? stride + 64 : stride;
}

/** A WebAssembly memory with a bump allocator for weights. */
export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  #end = firstWeight;
  #added = { start: 0, end: 0 };
  #buffer: ArrayBufferLike | undefined;
  #f32 = new Float32Array();
  #i32 = new Int32Array();

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
  }

  /** Address where the weights end. */
  get weightsEnd(): number {
    return this.#end;
  }

  /** Address of the slabs of a forward. */
  get slabs(): Address {
    return alignUp(this.#end + 64, 4096);
  }

  /** All of it as float32; valid until the memory grows. */
  get f32(): Float32Array {
    this.#refresh();
    return this.#f32;
  }

  /** All of it as int32; valid until the memory grows. */
  get i32(): Int32Array {
    this.#refresh();
    return this.#i32;
  }

  /** `length` bytes at `address`; valid until the memory grows. */
  bytes(address: Address, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  /**
   * Addresses for `length` bytes of weights, aligned to 64. This does not grow the memory; their first use does.
   * @param what named in the error
   * @throws RangeError past 4 GiB
   */
  allocate(length: number, what: string): Address {
    const address = this.#end;
    this.#end = alignUp(address + length, 64);
    if (this.#end > maxMemoryBytes) throw tooLarge(this.#end, what);
    return address;
  }

  /**
   * Makes the first `end` bytes usable.
   * @throws RangeError when the runtime cannot provide that much
   */
  ensure(end: number): void {
    while (this.memory.buffer.byteLength < end) {
      const missing = end - this.memory.buffer.byteLength;
      try {
        this.memory.grow(Math.ceil(missing / pageBytes));
      } catch (cause) {
        // Another worker may have grown the shared memory in between.
        if (this.memory.buffer.byteLength < end) throw tooLarge(end, 'this model with this batch', cause);
      }
    }
  }

  /**
   * The address of `bytes` bytes that no other of the first `nRanks` ranks uses while each computes alone, until the next call.
   * @param nTokens of the batch that needs them. From the first batch of all ranks follows how large their slabs are
   * @throws RangeError when the runtime cannot provide that much
   */
  own(bytes: number, nTokens: number, rank: number, nRanks: number): Address {
    const most = Math.floor(ownBytes / nRanks / pageBytes) * pageBytes;
    const size = Math.min(most, alignUp(Math.max(1, ownTokens / nTokens) * bytes, pageBytes));
    const agreed = Atomics.compareExchange(this.i32, ownAddress / 4, 0, size) || size;
    const end = this.slabs + nRanks * agreed;
    if (end > maxMemoryBytes) return this.#add(bytes);
    if (bytes > agreed) {
      this.ensure(end);
      return this.#add(bytes);
    }
    const start = this.slabs + rank * agreed;
    this.ensure(start + bytes);
    return start;
  }

  /** The address of `bytes` bytes behind all that is in use. They stay this worker's until it needs more. */
  #add(bytes: number): Address {
    const size = this.#added.end - this.#added.start;
    if (size < bytes) {
      const nPages = Math.ceil(Math.max(bytes, 2 * size) / pageBytes);
      try {
        // Growing is atomic: the pages that it adds are nobody else's.
        const start = this.memory.grow(nPages) * pageBytes;
        this.#added = { start, end: start + nPages * pageBytes };
      } catch (cause) {
        throw tooLarge(this.memory.buffer.byteLength + nPages * pageBytes, 'this model with this batch', cause);
      }
    }
    return this.#added.start;
  }

  #refresh(): void {
    const { buffer } = this.memory;
    if (buffer === this.#buffer) return;
    this.#buffer = buffer;
    this.#f32 = new Float32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.#i32 = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  }
}

function tooLarge(bytes: number, what: string, cause?: unknown): RangeError {
  const gib = (bytes / 2 ** 30).toFixed(2);
  return new RangeError(
    `${what} needs ${gib} GiB of WebAssembly memory; the limit is 4 GiB (or less if the runtime has less left). ` +
      'Use a smaller quantisation of the model, shorter inputs or fewer tokens in a batch',
    { cause },
  );
}
