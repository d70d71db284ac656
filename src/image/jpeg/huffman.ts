/**
 * @file Huffman codes of JPEG: tables, and the reader of the packed bits of a scan.
 */
import { damaged } from '../errors.ts';

/** Codes up to this length are found with one table lookup. */
const FAST_BITS = 9;

export interface HuffmanTable {
  /** For each value of the next `FAST_BITS` bits: the length of the code times 256 plus its value; 0 for longer codes. */
  readonly fast: Uint16Array;
  /** For each length: the first code that is longer, aligned to the left of 16 bits. */
  readonly ends: Int32Array;
  /** For each length: what to add to a code to get its index in `values`. */
  readonly places: Int32Array;
  readonly values: Uint8Array;
}

/**
 * @param counts the number of codes of 1 to 16 bits
 * @param values the values of the codes, shortest first
 * @throws ImageError when there are more codes of a length than its bits allow
 */
export function makeHuffmanTable(counts: Uint8Array, values: Uint8Array): HuffmanTable {
  const fast = new Uint16Array(1 << FAST_BITS);
  const ends = new Int32Array(18);
  const places = new Int32Array(17);
  let code = 0;
  let k = 0;
  for (let length = 1; length <= 16; length++) {
    places[length] = k - code;
    for (let i = 0; i < counts[length - 1]; i++, code++, k++) {
      if (code >= 1 << length) throw damaged('a Huffman table of the JPEG file has too many codes of one length');
      if (length > FAST_BITS) continue;
      const first = code << (FAST_BITS - length);
      fast.fill((length << 8) | values[k], first, first + (1 << (FAST_BITS - length)));
    }
    ends[length] = code << (16 - length);
    code <<= 1;
  }
  ends[17] = 0x7fffffff;
  return { fast, ends, places, values };
}

/** Reads bits up to the next marker. Bits beyond the data are zeros, and `isPast` is then true. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #bits = 0;
  #nBits = 0;
  #nPadding = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Offset of the marker after the data, once all data has been read. */
  get at(): number {
    return this.#at;
  }

  /** Whether more bits were read than there are. */
  get isPast(): boolean {
    return this.#nPadding * 8 > this.#nBits;
  }

  /** Continues after a restart marker. @returns false when there is none */
  restart(): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    // Skip what remains of the data before the marker, if more was stored than was needed.
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff)) at++;
    if (!(bytes[at + 1] >= 0xd0 && bytes[at + 1] <= 0xd7)) return false;
    this.#at = at + 2;
    this.#bits = this.#nBits = this.#nPadding = 0;
    return true;
  }

  #fill(): void {
    const bytes = this.#bytes;
    while (this.#nBits <= 16) {
      let byte = 0;
      if (this.#nPadding > 0 || this.#at >= bytes.length) this.#nPadding++;
      else {
        byte = bytes[this.#at];
        if (byte === 0xff) {
          let next = this.#at + 1;
          while (bytes[next] === 0xff) next++;
          if (bytes[next] === 0) this.#at = next + 1;
          else {
            byte = 0;
            this.#nPadding++;
          }
        } else this.#at++;
      }
      this.#bits = (this.#bits << 8) | byte;
      this.#nBits += 8;
    }
  }

  /** The value of the next code. */
  decode(table: HuffmanTable): number {
    if (this.#nBits < 16) this.#fill();
    const next = (this.#bits >>> (this.#nBits - 16)) & 0xffff;
    const found = table.fast[next >> (16 - FAST_BITS)];
    if (found !== 0) {
      this.#nBits -= found >> 8;
      return found & 255;
    }
    let length = FAST_BITS + 1;
    while (length <= 16 && next >= table.ends[length]) length++;
    if (length > 16) throw damaged('the packed pixels of the JPEG file are damaged: unknown Huffman code');
    this.#nBits -= length;
    return table.values[(next >> (16 - length)) + table.places[length]];
  }

  /** The next `n` bits (at most 16) as a number. */
  read(n: number): number {
    if (n === 0) return 0;
    if (this.#nBits < n) this.#fill();
    this.#nBits -= n;
    return (this.#bits >>> this.#nBits) & ((1 << n) - 1);
  }

  /** The next `n` bits as a signed number, in the form in which JPEG stores differences. */
  readSigned(n: number): number {
    const value = this.read(n);
    return n > 0 && value < 1 << (n - 1) ? value - (1 << n) + 1 : value;
  }
}
