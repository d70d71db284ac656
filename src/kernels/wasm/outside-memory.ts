/**
 * @file Weights that do not fit into the 4 GiB of a WebAssembly memory: blocks of the file in plain buffers. A forward copies the blocks
 * that it is about to unpack. The copy is cheap compared with the products of those blocks.
 */
import { alignUp } from './memory.ts';

/** Size of one buffer in bytes. Runtimes grant several buffers of this size more readily than one large buffer. */
const bufferBytes = 2 ** 30;

/** Holds matrices and tables beyond the first `insideBytes` of weights. Can be sent with `postMessage`. */
export interface OutsideSetup {
  readonly buffers: readonly ArrayBufferLike[];
  readonly insideBytes: number;
}

/**
 * Room for `bytes` bytes of weights; untouched memory uses none.
 * @throws RangeError when the runtime cannot provide that much
 */
export function reserveOutside(bytes: number, insideBytes: number, shared: boolean): OutsideSetup {
  try {
    const buffers = Array.from({ length: Math.ceil(bytes / bufferBytes) }, (_, i) => {
      const length = Math.min(bufferBytes, bytes - i * bufferBytes);
      return shared ? new SharedArrayBuffer(length) : new ArrayBuffer(length);
    });
    return { buffers, insideBytes };
  } catch (cause) {
    const gib = (bytes / 2 ** 30).toFixed(2);
    throw new RangeError(`the weights take ${gib} GiB, more than this runtime provides; use a smaller quantisation`, {
      cause,
    });
  }
}

/** The buffers as one sequence of bytes. A bump allocator gives every worker of a team the same addresses. */
export class OutsideMemory {
  readonly insideBytes: number;
  readonly #buffers: readonly Uint8Array[];
  #end = 0;

  constructor({ buffers, insideBytes }: OutsideSetup) {
    this.insideBytes = insideBytes;
    this.#buffers = buffers.map((buffer) => new Uint8Array(buffer));
  }

  /** @throws RangeError when more is allocated than was reserved */
  allocate(length: number, what: string): number {
    const at = this.#end;
    this.#end = alignUp(at + length, 64);
    const size = this.#buffers.reduce((sum, { length }) => sum + length, 0);
    if (this.#end > size) throw new RangeError(`${what} does not fit outside the WebAssembly memory`);
    return at;
  }

  /** Copies the bytes from `at` on to `into`. */
  read(at: number, into: Uint8Array): void {
    for (const { part, from } of this.#parts(at, into.length)) into.set(part, from);
  }

  /** Copies `bytes` to `at`. */
  write(at: number, bytes: Uint8Array): void {
    for (const { part, from } of this.#parts(at, bytes.length)) part.set(bytes.subarray(from, from + part.length));
  }

  /** Splits `[at, at + length)` into the parts that are each in one buffer, with the number of bytes before each part. */
  *#parts(at: number, length: number): Generator<{ part: Uint8Array; from: number }> {
    for (let from = 0; from < length; ) {
      const offset = (at + from) % bufferBytes;
      const part = this.#buffers[Math.floor((at + from) / bufferBytes)].subarray(offset, offset + length - from);
      yield { part, from };
      from += part.length;
    }
  }
}
