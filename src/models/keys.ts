/**
 * @file The metadata keys of one architecture: `block_count` stands for `bert.block_count`.
 */
import type { Metadata } from '../gguf/index.ts';
import { ModelError } from './errors.ts';

/**
 * Reads keys below `<architecture>.`. Types are strict: a key that has another GGUF type than asked for is a `GgufError`
 * that names it, an absent one without a `fallback` a `ModelError`.
 */
export class Keys {
  readonly metadata: Metadata;
  readonly architecture: string;

  constructor(metadata: Metadata, architecture: string) {
    this.metadata = metadata;
    this.architecture = architecture;
  }

  /** The whole key, as it stands in the file. */
  name(key: string): string {
    return `${this.architecture}.${key}`;
  }

  has(key: string): boolean {
    return this.metadata.has(this.name(key));
  }

  u32(key: string, fallback?: number): number {
    return this.metadata.u32(this.name(key)) ?? this.#absent(key, fallback);
  }

  f32(key: string, fallback?: number): number {
    return this.metadata.f32(this.name(key)) ?? this.#absent(key, fallback);
  }

  bool(key: string, fallback?: boolean): boolean {
    return this.metadata.bool(this.name(key)) ?? this.#absent(key, fallback);
  }

  string(key: string, fallback?: string): string {
    return this.metadata.string(this.name(key)) ?? this.#absent(key, fallback);
  }

  /** One whole number for each of `nLayer` layers: a u32 that holds for all, or an array of exactly that many. */
  perLayer(key: string, nLayer: number, fallback?: readonly number[]): readonly number[] {
    if (!this.has(key)) return this.#absent(key, fallback);
    if (!this.isArray(key)) return new Array<number>(nLayer).fill(this.u32(key));
    const values = Array.from(this.metadata.numbers(this.name(key)) ?? [], Number);
    if (values.length !== nLayer) {
      throw this.error(key, `has ${values.length} elements, but the model has ${nLayer} layers`);
    }
    const odd = values.find((value) => !(Number.isInteger(value) && value >= 0 && value <= 0xffffffff));
    if (odd !== undefined) throw this.error(key, `holds ${odd} where a whole number from 0 on is needed`);
    return values;
  }

  /** Whether the key holds an array. */
  isArray(key: string): boolean {
    const value = this.metadata.get(this.name(key));
    return typeof value === 'object' && value !== null;
  }

  /** An error about this key; `problem` completes the sentence that begins with the key. */
  error(key: string, problem: string): ModelError {
    return new ModelError(`${this.name(key)} ${problem}`, { key: this.name(key) });
  }

  #absent<T>(key: string, fallback: T | undefined): T {
    if (fallback === undefined) throw this.error(key, 'is missing from the metadata');
    return fallback;
  }
}
