/**
 * @file Writes JSON to bytes. Vectors of float32 take a fast path, as decimals or as base64.
 */
import { hostIsLittleEndian } from '../../gguf/byte-order.ts';

const encoder = new TextEncoder();

const ZERO = 48;
const POINT = 46;
const MINUS = 45;
const COMMA = 44;
const EQUALS = 61;
const base64Alphabet = encoder.encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');

/** The powers of ten that the writer needs; float64 represents each exactly. */
const powers = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** The bits of the float32 that was stored last. */
const single = new Float32Array(1);
const singleBits = new Int32Array(single.buffer);
/**
 * By the exponent bits of a float32: how many decimals give it 7 digits from `decimalLimits` on; below, it takes one more. The limit is the power
 * of ten within the values of that exponent, as near as float64 has it; no float32 but 1 lies between a power and its nearest float64.
 */
const sevenDigits = new Int8Array(256);
const decimalLimits = new Float64Array(256);
for (let power = -7; power <= 7; power++) {
  single[0] = Number(`1e${power}`);
  const exponent = singleBits[0] >>> 23;
  decimalLimits[exponent] = Number(`1e${power}`);
  sevenDigits.fill(6 - power, exponent);
}
/** The two digits of 0 to 99. */
const digitPairs = Uint8Array.from(
  { length: 200 },
  (_, i) => ZERO + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10),
);
/** The fast path writes magnitudes from here to `FIXED_END` (exclusive) without an exponent. */
const FIXED_START = 1e-7;
const FIXED_END = 1e7;
/** Maximum number of bytes of a float and its comma. */
const MAX_FLOAT_BYTES = 32;

/** Most bytes of a buffer that is kept for the next writer. */
const KEPT_BYTES = 1 << 16;
/** The buffer of a finished writer. New memory costs more than the digits of a vector. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/** A growing buffer of JSON. */
export class JsonWriter {
  #bytes = spare ?? new Uint8Array(1024);
  #length = 0;

  constructor() {
    spare = undefined;
  }

  /** Appends raw text. */
  raw(text: string): this {
    this.#reserve(text.length * 3);
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
    return this;
  }

  /** Appends a value as JSON. */
  value(value: unknown): this {
    return this.raw(JSON.stringify(value));
  }

  /**
   * Appends a number: the shortest of its forms with 7 to 9 digits that reads back as the same float32, always with a point or
   * an exponent; `null` if it is not finite.
   */
  float(x: number): this {
    this.#reserve(MAX_FLOAT_BYTES);
    this.#length = writeFloat(this.#bytes, this.#length, x);
    return this;
  }

  /** Appends an array of numbers. */
  floats(values: Float32Array): this {
    this.#reserve(values.length * MAX_FLOAT_BYTES + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = 91;
    for (let i = 0; i < values.length; i++) {
      if (i > 0) bytes[at++] = COMMA;
      at = writeFloat(bytes, at, values[i]);
    }
    bytes[at++] = 93;
    this.#length = at;
    return this;
  }

  /** Appends a string that holds the values as little-endian bytes in padded base64. */
  base64(values: Float32Array | Int8Array | Uint8Array): this {
    const source = littleEndianBytes(values);
    this.#reserve(Math.ceil(source.length / 3) * 4 + 2);
    this.#bytes[this.#length++] = 34;
    this.#length = writeBase64(this.#bytes, this.#length, source);
    this.#bytes[this.#length++] = 34;
    return this;
  }

  /** Returns the bytes. Do not use the writer afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length > KEPT_BYTES) return this.#bytes.subarray(0, this.#length);
    spare = this.#bytes;
    return spare.slice(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Writes `x` at `at` and returns the position after it. */
function writeFloat(bytes: Uint8Array, at: number, x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude >= FIXED_START && magnitude < FIXED_END)) return writeText(bytes, at, unusualFloat(x));
  single[0] = x;
  const bits = singleBits[0];
  // No branches on what differs from value to value: a processor would guess wrong every other time.
  bytes[at] = MINUS;
  at += bits >>> 31;

  // n = magnitude · 10^decimals then has 7 digits.
  const exponent = (bits >>> 23) & 255;
  let decimals = sevenDigits[exponent] + (magnitude < decimalLimits[exponent] ? 1 : 0);
  // A reader of the decimal also rounds n / 10^decimals exactly once, so this comparison gives the reader's result.
  let n = (magnitude * powers[decimals] + 0.5) | 0;
  for (let tries = 0; Math.fround(n / powers[decimals]) !== magnitude; tries++) {
    if (tries === 2) return writeText(bytes, at, unusualFloat(magnitude));
    decimals++;
    n = (magnitude * powers[decimals] + 0.5) | 0;
  }
  while (decimals > 1 && n % 10 === 0) {
    n /= 10;
    decimals--;
  }
  if (magnitude < 1 && decimals >= 6 && n < 100_000_000) return writeFraction(bytes, at, n, decimals);
  if (decimals === 0) {
    n *= 10;
    decimals = 1;
  }
  return writeFixed(bytes, at, n, decimals);
}

/** Writes n / 10^decimals where it is below 1, n below 10^8 and `decimals` at least 6: nearly all values of a vector. */
function writeFraction(bytes: Uint8Array, at: number, n: number, decimals: number): number {
  const end = at + 2 + decimals;
  bytes[at + 2] = ZERO;
  bytes[at + 3] = ZERO;
  for (let i = at + 4; i < end - 8; i++) bytes[i] = ZERO;
  const high = (n / 10_000) | 0;
  writePair(bytes, end - 8, (high / 100) | 0);
  writePair(bytes, end - 6, high % 100);
  const low = n - 10_000 * high;
  writePair(bytes, end - 4, (low / 100) | 0);
  writePair(bytes, end - 2, low % 100);
  bytes[at] = ZERO;
  bytes[at + 1] = POINT;
  return end;
}

function writePair(bytes: Uint8Array, at: number, pair: number): void {
  bytes[at] = digitPairs[2 * pair];
  bytes[at + 1] = digitPairs[2 * pair + 1];
}

/** Writes n / 10^decimals, where n < 2^31. */
function writeFixed(bytes: Uint8Array, at: number, n: number, decimals: number): number {
  let nDigits = n < 10_000_000 ? 7 : n < 100_000_000 ? 8 : n < 1_000_000_000 ? 9 : 10;
  if (n < 1_000_000) for (nDigits = 1; nDigits < 6 && n >= powers[nDigits]; nDigits++);
  if (decimals >= nDigits) {
    bytes[at++] = ZERO;
    bytes[at++] = POINT;
    for (let i = decimals - nDigits; i > 0; i--) bytes[at++] = ZERO;
    return writeDigits(bytes, at + nDigits, n, nDigits);
  }
  const whole = (n / powers[decimals]) | 0;
  const point = at + nDigits - decimals;
  writeDigits(bytes, point, whole, nDigits - decimals);
  bytes[point] = POINT;
  return writeDigits(bytes, point + 1 + decimals, n - whole * powers[decimals], decimals);
}

/** Writes the last `nDigits` digits of `n` before `end`, which it returns. */
function writeDigits(bytes: Uint8Array, end: number, n: number, nDigits: number): number {
  let rest = n | 0;
  let to = end;
  for (; nDigits >= 2; nDigits -= 2) {
    const before = (rest / 100) | 0;
    const pair = (rest - 100 * before) << 1;
    bytes[--to] = digitPairs[pair + 1];
    bytes[--to] = digitPairs[pair];
    rest = before;
  }
  if (nDigits > 0) bytes[to - 1] = ZERO + rest;
  return end;
}

/** Writes zeros, very small and very large magnitudes, infinities and NaN. */
function unusualFloat(x: number): string {
  if (!Number.isFinite(x)) return 'null';
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0';
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(x.toPrecision(digits));
    if (Math.fround(short) === x) return withPoint(String(short));
  }
  return withPoint(String(Number(x.toPrecision(9))));
}

function withPoint(decimal: string): string {
  return /[.e]/.test(decimal) ? decimal : `${decimal}.0`;
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}

function littleEndianBytes(values: Float32Array | Int8Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (hostIsLittleEndian || values.BYTES_PER_ELEMENT === 1) return bytes;
  const view = new DataView(new ArrayBuffer(bytes.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return new Uint8Array(view.buffer);
}

function writeBase64(bytes: Uint8Array, at: number, source: Uint8Array): number {
  let i = 0;
  for (; i + 2 < source.length; i += 3) {
    const three = (source[i] << 16) | (source[i + 1] << 8) | source[i + 2];
    bytes[at++] = base64Alphabet[three >> 18];
    bytes[at++] = base64Alphabet[(three >> 12) & 63];
    bytes[at++] = base64Alphabet[(three >> 6) & 63];
    bytes[at++] = base64Alphabet[three & 63];
  }
  const left = source.length - i;
  if (left === 0) return at;
  const three = (source[i] << 16) | (left === 2 ? source[i + 1] << 8 : 0);
  bytes[at++] = base64Alphabet[three >> 18];
  bytes[at++] = base64Alphabet[(three >> 12) & 63];
  bytes[at++] = left === 2 ? base64Alphabet[(three >> 6) & 63] : EQUALS;
  bytes[at++] = EQUALS;
  return at;
}
