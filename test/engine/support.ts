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
