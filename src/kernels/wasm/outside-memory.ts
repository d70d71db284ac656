/**
 * @file Weights that the 4 GiB of a WebAssembly memory do not hold: blocks of the file in plain buffers beside it, of which
 * a forward copies in what it is about to unpack. Beside the products of those blocks the copy is nothing.
 */
import { alignUp } from './memory.ts';

/** Bytes of one buffer: runtimes give several of this size sooner than a large one. */
const bufferBytes = 2 ** 30;

/** Where matrices and tables end up that reach beyond `insideBytes` of WebAssembly memory. Can be sent with `postMessage`. */
export interface OutsideSetup {
  readonly buffers: readonly ArrayBufferLike[];
  readonly insideBytes: number;
}

/**
 * Room for `bytes` bytes of weights; untouched memory takes none.
 * @throws RangeError when the runtime does not give that much
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
    throw new RangeError(`the weights take ${gib} GiB, which this runtime does not give; use a smaller quantisation`, {
      cause,
    });
  }
}

/** The buffers as one row of bytes, with a bump allocator that gives every worker of a team the same places. */
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
    if (this.#end > size) throw new RangeError(`no room for ${what} beside the WebAssembly memory`);
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

  /** The parts of `[at, at + length)` that lie in one buffer each, and how many bytes come before them. */
  *#parts(at: number, length: number): Generator<{ part: Uint8Array; from: number }> {
    for (let from = 0; from < length; ) {
      const offset = (at + from) % bufferBytes;
      const part = this.#buffers[Math.floor((at + from) / bufferBytes)].subarray(offset, offset + length - from);
      yield { part, from };
      from += part.length;
    }
  }
}
