/**
 * @file Bits and prefix codes of lossless WebP.
 */
import { endsEarly } from '../byte-reader.ts';
import { damaged } from '../errors.ts';

/** Reads bits, the lowest of each byte first. */
export class LowBits {
  readonly #bytes: Uint8Array;
  #at = 0;
  #bits = 0;
  #nBits = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next `n` bits (at most 24) as a number. */
  read(n: number): number {
    while (this.#nBits < n) {
      if (this.#at >= this.#bytes.length) throw endsEarly();
      this.#bits |= this.#bytes[this.#at++] << this.#nBits;
      this.#nBits += 8;
    }
    const value = this.#bits & ((1 << n) - 1);
    this.#bits >>>= n;
    this.#nBits -= n;
    return value;
  }

  /** The next symbol of a code. */
  symbol(code: PrefixCode): number {
    if (code.longest === 0) return code.symbols[0];
    while (this.#nBits < FAST_BITS && this.#at < this.#bytes.length) {
      this.#bits |= this.#bytes[this.#at++] << this.#nBits;
      this.#nBits += 8;
    }
    const found = code.fast[this.#bits & ((1 << code.fastBits) - 1)];
    const length = found & 15;
    if (length > 0 && length <= this.#nBits) {
      this.#bits >>>= length;
      this.#nBits -= length;
      return found >> 4;
    }
    let value = 0;
    for (let n = 1, first = 0, place = 0; n <= code.longest; n++) {
      value |= this.read(1);
      const count = code.counts[n];
      if (value - first < count) return code.symbols[place + value - first];
      place += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw damaged('the packed pixels of the WebP file are damaged: unknown code');
  }
}

const FAST_BITS = 8;
const MAX_BITS = 15;

/** A prefix code: shorter codes come first; codes of one length are numbered consecutively. */
export interface PrefixCode {
  /** Length of the longest code; 0 where there is one symbol, which takes no bits. */
  readonly longest: number;
  /** Codes of each length. */
  readonly counts: Uint16Array;
  /** In the order of their codes. */
  readonly symbols: Uint16Array;
  readonly fastBits: number;
  /** For the next `fastBits` bits: the symbol times 16 plus the length of its code; 0 for longer codes. */
  readonly fast: Uint16Array;
}

/** A code with one symbol, which takes no bits. */
function singleSymbol(symbol: number): PrefixCode {
  return {
    longest: 0,
    counts: new Uint16Array(0),
    symbols: Uint16Array.of(symbol),
    fastBits: 0,
    fast: new Uint16Array(0),
  };
}

/**
 * @param lengths the number of bits of each symbol's code; 0 for symbols that do not occur
 * @throws ImageError unless every sequence of bits is a code
 */
function prefixCode(lengths: Uint8Array): PrefixCode {
  const counts = new Uint16Array(MAX_BITS + 1);
  for (const length of lengths) counts[length]++;
  const nUsed = lengths.length - counts[0];
  counts[0] = 0;
  if (nUsed === 0) throw notACode();
  if (nUsed === 1) return singleSymbol(lengths.findIndex((length) => length > 0));
  const places = new Uint16Array(MAX_BITS + 2);
  let left = 1;
  let longest = 0;
  for (let n = 1; n <= MAX_BITS; n++) {
    left = 2 * left - counts[n];
    if (left < 0) throw notACode();
    places[n + 1] = places[n] + counts[n];
    if (counts[n] > 0) longest = n;
  }
  if (left !== 0) throw notACode();
  const symbols = new Uint16Array(nUsed);
  for (const [symbol, length] of lengths.entries()) if (length > 0) symbols[places[length]++] = symbol;
  const fastBits = Math.min(FAST_BITS, longest);
  return { longest, counts, symbols, fastBits, fast: fastTable(counts, symbols, fastBits) };
}

function fastTable(counts: Uint16Array, symbols: Uint16Array, fastBits: number): Uint16Array {
  const fast = new Uint16Array(1 << fastBits);
  let code = 0;
  let place = 0;
  for (let n = 1; n <= fastBits; n++, code <<= 1) {
    for (let i = 0; i < counts[n]; i++, code++, place++) {
      let reversed = 0;
      for (let bit = 0; bit < n; bit++) if (code & (1 << bit)) reversed |= 1 << (n - 1 - bit);
      for (let at = reversed; at < fast.length; at += 1 << n) fast[at] = (symbols[place] << 4) | n;
    }
  }
  return fast;
}

function notACode(): Error {
  return damaged('a prefix code of the WebP file is damaged');
}

/** The order in which the lengths of the code for lengths are stored. */
const lengthOrder = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/** @param scratch takes `nSymbols` lengths */
export function readPrefixCode(bits: LowBits, nSymbols: number, scratch: Uint8Array): PrefixCode {
  const lengths = scratch.subarray(0, nSymbols).fill(0);
  if (bits.read(1)) {
    const two = bits.read(1);
    const first = bits.read(bits.read(1) ? 8 : 1);
    const second = two ? bits.read(8) : first;
    if (Math.max(first, second) >= nSymbols) throw notACode();
    if (first === second) return singleSymbol(first);
    lengths[first] = lengths[second] = 1;
    return prefixCode(lengths);
  }
  const ofLengths = new Uint8Array(19);
  const nLengths = 4 + bits.read(4);
  for (let i = 0; i < nLengths; i++) ofLengths[lengthOrder[i]] = bits.read(3);
  const code = prefixCode(ofLengths);
  let nLeft = nSymbols;
  if (bits.read(1)) nLeft = 2 + bits.read(2 + 2 * bits.read(3));
  if (nLeft > nSymbols) throw notACode();
  let previous = 8;
  for (let symbol = 0; symbol < nSymbols && nLeft > 0; nLeft--) {
    const length = bits.symbol(code);
    if (length < 16) {
      lengths[symbol++] = length;
      if (length > 0) previous = length;
      continue;
    }
    const n = length === 16 ? 3 + bits.read(2) : length === 17 ? 3 + bits.read(3) : 11 + bits.read(7);
    if (symbol + n > nSymbols) throw notACode();
    if (length === 16) lengths.fill(previous, symbol, symbol + n);
    symbol += n;
  }
  return prefixCode(lengths);
}
