/**
 * @file Builds the header of a GGUF in memory, in either byte order.
 */
import { GgufError } from './errors.ts';
import { integerRanges, type ScalarType, scalarBytes, type ValueType, valueTypeNames } from './value-types.ts';

const setters: Readonly<Record<ScalarType, (view: DataView, at: number, value: number, little: boolean) => void>> = {
  uint8: (view, at, value) => view.setUint8(at, value),
  int8: (view, at, value) => view.setInt8(at, value),
  uint16: (view, at, value, little) => view.setUint16(at, value, little),
  int16: (view, at, value, little) => view.setInt16(at, value, little),
  uint32: (view, at, value, little) => view.setUint32(at, value, little),
  int32: (view, at, value, little) => view.setInt32(at, value, little),
  float32: (view, at, value, little) => view.setFloat32(at, value, little),
  bool: (view, at, value) => view.setUint8(at, value ? 1 : 0),
  uint64: (view, at, value, little) => view.setBigUint64(at, BigInt(value), little),
  int64: (view, at, value, little) => view.setBigInt64(at, BigInt(value), little),
  float64: (view, at, value, little) => view.setFloat64(at, value, little),
};

const encoder = new TextEncoder();

/** A growing buffer with the field types of a GGUF header. */
export class HeaderBuilder {
  readonly #littleEndian: boolean;
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes so far, as a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): void {
    this.#reserve((alignment - (this.#length % alignment)) % alignment);
  }

  type(type: ValueType): void {
    this.scalar('uint32', valueTypeNames.indexOf(type));
  }

  /** The length of a string, then its bytes. */
  string(value: string | Uint8Array): void {
    const bytes = typeof value === 'string' ? encoder.encode(value) : value;
    this.scalar('uint64', bytes.length);
    this.raw(bytes);
  }

  /** @throws GgufError if `value` is not of `type` */
  scalar(type: ScalarType, value: number | bigint | boolean): void {
    if (!isOfType(type, value)) throw new GgufError(`${value} is not a valid ${type}`);
    const at = this.#reserve(scalarBytes[type]);
    const given = type.endsWith('64') ? (value as number) : Number(value);
    setters[type](this.#view, at, given, this.#littleEndian);
  }

  /** Reserves `n` more bytes, which are zero, and returns their offset. */
  #reserve(n: number): number {
    const at = this.#length;
    this.#length += n;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

function isOfType(type: ScalarType, value: number | bigint | boolean): boolean {
  if (type === 'bool' || typeof value === 'boolean') return type === 'bool' && typeof value === 'boolean';
  const range = integerRanges[type];
  if (range === undefined) return typeof value === 'number';
  return (typeof value === 'bigint' || Number.isInteger(value)) && value >= range[0] && value <= range[1];
}
