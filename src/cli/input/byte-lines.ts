/**
 * @file Splits a stream of bytes into lines before decoding, so that an invalid line does not affect the others.
 */
import { DETECTED_BYTES, detectEncoding, type TextEncoding } from './text-encoding.ts';

/** Longest line in bytes; a longer line suggests a file of another kind. */
const MAX_LINE = 64 * 2 ** 20;

/** One line, without its line break. */
export interface ByteLine {
  /** Counted from 1. */
  readonly number: number;
  /** `undefined` for a line that is longer than 64 MiB. */
  readonly bytes: Uint8Array | undefined;
  readonly encoding: TextEncoding;
}

/**
 * The lines of a stream, grouped by the chunk that completes them.
 * @throws UsageError that names `source` for an unsupported encoding; what the stream throws
 */
export async function* byteLines(stream: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<ByteLine[]> {
  let start: Uint8Array = new Uint8Array(0);
  let splitter: LineSplitter | undefined;
  for await (const chunk of stream) {
    if (splitter === undefined) {
      start = Buffer.concat([start, chunk]);
      if (!showsEncoding(start)) continue;
      splitter = new LineSplitter(detectEncoding(start, source));
      yield splitter.push(start.subarray(splitter.encoding.markLength));
    } else yield splitter.push(chunk);
  }
  if (splitter === undefined) {
    splitter = new LineSplitter(detectEncoding(start, source));
    yield splitter.push(start.subarray(splitter.encoding.markLength));
  }
  yield splitter.end();
}

/** Whether these bytes are enough for `detectEncoding`, so that a short first line need not wait for more. */
function showsEncoding([a, b, ...more]: Uint8Array): boolean {
  if (2 + more.length >= DETECTED_BYTES) return true;
  return a !== undefined && b !== undefined && b !== 0 && a !== 0 && a < 0xef;
}

class LineSplitter {
  readonly encoding: TextEncoding;
  /** The beginning of a line, in pieces. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** Half a code unit at the end of the last chunk. */
  #half: Uint8Array = new Uint8Array(0);
  #number = 0;

  constructor(encoding: TextEncoding) {
    this.encoding = encoding;
  }

  /** The lines that end in this chunk. */
  push(chunk: Uint8Array): ByteLine[] {
    const { unit } = this.encoding;
    const bytes = this.#half.length > 0 ? Buffer.concat([this.#half, chunk]) : chunk;
    const whole = bytes.length - (bytes.length % unit);
    this.#half = bytes.subarray(whole);
    const lines: ByteLine[] = [];
    let from = 0;
    for (;;) {
      const at = this.#findBreak(bytes, from, whole);
      if (at < 0) break;
      this.#add(bytes.subarray(from, at));
      lines.push(this.#take());
      from = at + unit;
    }
    this.#add(bytes.subarray(from, whole));
    return lines;
  }

  /** The last line, if it has no line break. */
  end(): ByteLine[] {
    this.#add(this.#half);
    return this.#length > 0 ? [this.#take()] : [];
  }

  /** Index of the next line break, or -1. */
  #findBreak(bytes: Uint8Array, from: number, end: number): number {
    const { name, unit } = this.encoding;
    if (unit === 1) return bytes.indexOf(0x0a, from);
    const low = name === 'UTF-16LE' ? 0 : 1;
    for (let at = from; at < end; at += 2) if (bytes[at + low] === 0x0a && bytes[at + 1 - low] === 0) return at;
    return -1;
  }

  #add(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length > MAX_LINE) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  #take(): ByteLine {
    const bytes =
      this.#length > MAX_LINE ? undefined : this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return { number: ++this.#number, bytes, encoding: this.encoding };
  }
}
