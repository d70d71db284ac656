/**
 * @file Writes GGUF files: metadata and tensor directory from memory, tensor data piece by piece.
 */
import { swapBlocks } from './byte-order.ts';
import { GgufError } from './errors.ts';

import { type GgmlType, rowBytes } from './ggml-types.ts';
import { HeaderBuilder } from './header-builder.ts';
import {
  DEFAULT_ALIGNMENT,
  MAX_ALIGNMENT,
  MAX_ARRAY_DEPTH,
  MAX_DIMENSIONS,
  MAX_KEY_BYTES,
  MAX_TENSOR_NAME_BYTES,
} from './limits.ts';
import type { TypedValue } from './metadata.ts';
import { nElements } from './shape.ts';
import type { ByteSink } from './sink.ts';
import type { GgufArray, NumericArray, ScalarType } from './value-types.ts';

/** Strings to write: texts, bytes, or an array from the reader. */
export type StringsToWrite = readonly (string | Uint8Array)[] | { length: number; bytes(i: number): Uint8Array };

/** Elements of an array with their type. Booleans may be given as 0 and 1. */
export type ArrayToWrite =
  | { readonly elementType: 'string'; readonly values: StringsToWrite }
  | { readonly elementType: 'array'; readonly values: readonly ArrayToWrite[] }
  | { readonly elementType: ScalarType; readonly values: NumericArray | readonly (number | bigint | boolean)[] }
  | GgufArray;

/** A value with its type. */
export type ValueToWrite =
  | { readonly type: ScalarType; readonly value: number | bigint | boolean }
  | { readonly type: 'string'; readonly value: string | Uint8Array }
  | { readonly type: 'array'; readonly value: ArrayToWrite }
  | TypedValue;

/** Options of `GgufWriter`. */
export interface GgufWriterOptions {
  /** Default true. */
  readonly littleEndian?: boolean;
  /** Default 3. */
  readonly version?: 2 | 3;
}

interface Planned {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

const zeros = new Uint8Array(4096);

/**
 * Writes one file, in this order: `set` and `addTensor` as often as needed, `writeHeader`, `writeTensor` for each tensor
 * in the order of `addTensor`, `finish`. Memory holds the header and one piece of data at a time.
 */
export class GgufWriter {
  readonly #sink: ByteSink;
  readonly #littleEndian: boolean;
  readonly #version: number;
  readonly #values = new Map<string, ValueToWrite>();
  readonly #tensors = new Map<string, Planned>();
  #alignment = DEFAULT_ALIGNMENT;
  /** Tensors still to write, from `writeHeader` on. */
  #waiting: Iterator<Planned> | undefined;

  constructor(sink: ByteSink, options: GgufWriterOptions = {}) {
    this.#sink = sink;
    this.#littleEndian = options.littleEndian ?? true;
    this.#version = options.version ?? 3;
  }

  /**
   * Sets a metadata value. A key that is set again keeps its position. `general.alignment` also takes effect.
   * @throws GgufError when the key is empty or too long, or the alignment is not a power of two
   */
  set(key: string, value: ValueToWrite): void {
    const bytes = new TextEncoder().encode(key).length;
    if (bytes === 0 || bytes > MAX_KEY_BYTES) {
      throw new GgufError(`the key has ${bytes} bytes; it must have 1 to ${MAX_KEY_BYTES}`, { key });
    }
    if (key === 'general.alignment') {
      const alignment = Number(value.value);
      const isPower = alignment > 0 && (alignment & (alignment - 1)) === 0;
      if (value.type !== 'uint32' || !isPower || alignment > MAX_ALIGNMENT) {
        throw new GgufError(`the alignment must be a uint32 and a power of two of at most ${MAX_ALIGNMENT}`, { key });
      }
      this.#alignment = alignment;
    }
    this.#values.set(key, value);
  }

  /**
   * Declares a tensor. `shape` has the fastest axis first.
   * @throws GgufError if the name is taken or too long, or a row is not a whole number of blocks
   */
  addTensor(name: string, type: GgmlType, shape: readonly number[]): void {
    if (this.#tensors.has(name))
      throw new GgufError('a tensor of this name already exists; names must be unique', { tensor: name });
    if (new TextEncoder().encode(name).length > MAX_TENSOR_NAME_BYTES) {
      throw new GgufError(`the name is longer than ${MAX_TENSOR_NAME_BYTES} bytes`, { tensor: name });
    }
    const [row = 1, ...rest] = shape;
    if (shape.length > MAX_DIMENSIONS || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
      throw new GgufError(`[${shape.join(', ')}] is not a valid shape`, { tensor: name });
    }
    if (row % type.blockSize !== 0) {
      throw new GgufError(`rows of ${row} values do not divide into ${type.name} blocks of ${type.blockSize}`, {
        tensor: name,
      });
    }
    const byteLength = rowBytes(type, row) * nElements(rest);
    this.#tensors.set(name, { name, type, shape, byteLength });
  }

  /** Writes magic, metadata and tensor directory. */
  async writeHeader(): Promise<void> {
    const builder = new HeaderBuilder(this.#littleEndian);
    builder.raw(new TextEncoder().encode('GGUF'));
    builder.scalar('uint32', this.#version);
    builder.scalar('uint64', this.#tensors.size);
    builder.scalar('uint64', this.#values.size);
    for (const [key, value] of this.#values) putPair(builder, key, value);
    let offset = 0;
    for (const { name, type, shape, byteLength } of this.#tensors.values()) {
      builder.string(name);
      builder.scalar('uint32', shape.length);
      for (const n of shape) builder.scalar('uint64', n);
      builder.scalar('uint32', type.id);
      builder.scalar('uint64', offset);
      offset += byteLength + this.#padding(byteLength);
    }
    if (this.#tensors.size > 0) builder.pad(this.#alignment);
    this.#waiting = this.#tensors.values();
    await this.#sink.write(builder.bytes);
  }

  /**
   * Writes the data of the next tensor, in pieces of whole blocks, little-endian.
   * @throws GgufError if another tensor comes next, or the pieces do not add up to the size of the tensor
   */
  async writeTensor(name: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const planned = this.#waiting?.next().value as Planned | undefined;
    if (planned?.name !== name) {
      throw new GgufError(`its data was given, but expected ${planned ? `that of ${planned.name}` : 'none'}`, {
        tensor: name,
      });
    }
    let written = 0;
    for await (const piece of pieces) {
      written += piece.length;
      if (written > planned.byteLength || piece.length % planned.type.blockBytes !== 0) break;
      await this.#sink.write(this.#littleEndian ? piece : swapped(planned.type, piece));
    }
    if (written !== planned.byteLength) {
      throw new GgufError(
        `${written} bytes of data were given, in pieces that must be whole blocks of ${planned.type.blockBytes}; expected ${planned.byteLength}`,
        { tensor: name },
      );
    }
    await this.#writeZeros(this.#padding(planned.byteLength));
  }

  /** @throws GgufError if data of a tensor is missing */
  finish(): void {
    const next = this.#waiting?.next();
    if (next === undefined) throw new GgufError('the header was not written');
    if (!next.done) throw new GgufError('its data was not written', { tensor: next.value.name });
  }

  #padding(byteLength: number): number {
    return (this.#alignment - (byteLength % this.#alignment)) % this.#alignment;
  }

  async #writeZeros(n: number): Promise<void> {
    for (let left = n; left > 0; left -= zeros.length) await this.#sink.write(zeros.subarray(0, left));
  }
}

function swapped(type: GgmlType, piece: Uint8Array): Uint8Array {
  const copy = piece.slice();
  swapBlocks(type, copy);
  return copy;
}

function putPair(builder: HeaderBuilder, key: string, value: ValueToWrite): void {
  builder.string(key);
  builder.type(value.type);
  try {
    if (value.type === 'array') putArray(builder, value.value, 1);
    else if (value.type === 'string') builder.string(value.value);
    else builder.scalar(value.type, value.value);
  } catch (cause) {
    throw cause instanceof GgufError ? new GgufError(cause.message, { key }) : cause;
  }
}

function putArray(builder: HeaderBuilder, array: ArrayToWrite, depth: number): void {
  if (depth > MAX_ARRAY_DEPTH) throw new GgufError(`arrays are nested more than ${MAX_ARRAY_DEPTH} levels deep`);
  const { elementType, values } = array;
  builder.type(elementType);
  builder.scalar('uint64', values.length);
  if (elementType === 'array') {
    for (const inner of values) putArray(builder, inner, depth + 1);
  } else if (elementType === 'string') {
    const bytes = 'bytes' in values ? (i: number) => values.bytes(i) : (i: number) => values[i];
    for (let i = 0; i < values.length; i++) builder.string(bytes(i));
  } else {
    const asValue = (item: number | bigint | boolean) => (elementType === 'bool' ? Boolean(item) : item);
    for (const item of values) builder.scalar(elementType, asValue(item));
  }
}
