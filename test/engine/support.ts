/**
 * @file What the engine's tests share: fixtures and how near two vectors are.
 */
import { readFileSync } from 'node:fs';

/** The path of a model among the fixtures. */
export function fixture(name: string): string {
  return new URL(`../fixtures/models/${name}.gguf`, import.meta.url).pathname;
}

/** The model that comes with the project. */
export const bundled = new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url).pathname;

/** A recorded answer of llama.cpp, by its path below `test/fixtures/reference`. */
export function recorded<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/reference/${path}.json`, import.meta.url), 'utf8'));
}

/** The answers for the bundled model. */
export interface BundledReference {
  readonly cases: readonly {
    readonly text: string;
    readonly tokens: number[];
    readonly raw: string;
    readonly normalized: string;
    readonly file_f32: string;
  }[];
  readonly pairs: readonly (readonly [query: string, near: string, far: string])[];
}

/** The values of a base64 string of little-endian float32. */
export function decodeVector(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}

export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`vectors of ${a.length} and ${b.length} values`);
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return dot / Math.sqrt(aa * bb);
}
