/**
 * @file The metadata keys of one architecture: `block_count` reads `bert.block_count`.
 */
import type { Metadata } from '../gguf/index.ts';
import { ModelError } from './errors.ts';

/**
 * Reads keys below `<architecture>.`. Types are strict: a key with another GGUF type than requested is a `GgufError`
 * that names it; a missing key without a `fallback` is a `ModelError`.
 */
export class Keys {
  readonly metadata: Metadata;
  readonly architecture: string;

  constructor(metadata: Metadata, architecture: string) {
    this.metadata = metadata;
    this.architecture = architecture;
  }

  /** The complete key, as in the file. */
  name(key: string): string {
    return `${this.architecture}.${key}`;
  }

  has(key: string): boolean {
    return this.metadata.has(this.name(key));
  }

  u32(key: string, fallback?: number): number {
    return this.metadata.u32(this.name(key)) ?? this.#absent(key, fallback);
  }

  /** A number that is 0 or greater; no hyper-parameter is negative. */
  f32(key: string, fallback?: number): number {
    const value = this.metadata.f32(this.name(key)) ?? this.#absent(key, fallback);
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
      throw this.error(key, `is ${value}; expected a finite number that is 0 or greater`);
    return value;
  }

  /** As `f32`, but greater than 0. */
  positiveF32(key: string, fallback?: number): number {
    const value = this.f32(key, fallback);
    if (value === 0) throw this.error(key, 'is 0');
    return value;
  }

  bool(key: string, fallback?: boolean): boolean {
    return this.metadata.bool(this.name(key)) ?? this.#absent(key, fallback);
  }

  string(key: string, fallback?: string): string {
    return this.metadata.string(this.name(key)) ?? this.#absent(key, fallback);
  }

  /** An integer for each of `nLayer` layers: a u32 that applies to all, or an array of exactly that length. */
  perLayer(key: string, nLayer: number, fallback?: readonly number[]): readonly number[] {
    if (!this.has(key)) return this.#absent(key, fallback);
    if (!this.isArray(key)) return new Array<number>(nLayer).fill(this.u32(key));
    return this.#counts(key, nLayer, `the model has ${nLayer} layers`);
  }

  /** `n` integers that are 0 or greater: a u32 that applies to all, or an array of exactly that length. */
  counts(key: string, n: number): readonly number[] {
    if (!this.isArray(key)) return new Array<number>(n).fill(this.u32(key));
    return this.#counts(key, n, `expected ${n}`);
  }

  /** A flag for each of `nLayer` layers: an array of bools, or of numbers where 0 is false. */
  flags(key: string, nLayer: number): boolean[] {
    return this.#array(key, nLayer, `the model has ${nLayer} layers`, ['bool', 'uint32', 'int32']).map(
      (value) => value !== 0,
    );
  }

  /** Whether the key holds an array. */
  isArray(key: string): boolean {
    return this.metadata.valueType(this.name(key)) === 'array';
  }

  /** An error about this key; `problem` completes a sentence that begins with the key. */
  error(key: string, problem: string): ModelError {
    return new ModelError(`${this.name(key)} ${problem}`, { key: this.name(key) });
  }

  #counts(key: string, n: number, expected: string): number[] {
    const values = this.#array(key, n, expected, ['uint32', 'int32']);
    const negative = values.find((value) => value < 0);
    if (negative !== undefined) throw this.error(key, `contains ${negative}, which is negative`);
    return values;
  }

  #array(key: string, n: number, expected: string, types: readonly string[]): number[] {
    const array = this.metadata.array(this.name(key));
    if (array === undefined || !types.includes(array.elementType)) {
      throw this.error(key, `is an array of ${array?.elementType}, not of ${types.join(' or ')}`);
    }
    const values = Array.from(array.values as ArrayLike<number>);
    if (values.length !== n) {
      throw this.error(key, `has ${values.length} elements, but ${expected}`);
    }
    return values;
  }

  #absent<T>(key: string, fallback: T | undefined): T {
    if (fallback === undefined) throw this.error(key, 'is missing from the metadata');
    return fallback;
  }
}
