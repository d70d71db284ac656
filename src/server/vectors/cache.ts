/**
 * @file Vectors of inputs that were asked for lately, by their tokens and everything else that decides about the numbers.
 */

/** A cache that forgets what was not used for longest. */
export class VectorCache {
  readonly #capacity: number;
  /** In order of use, the latest last. */
  readonly #vectors = new Map<string, Float32Array>();

  /** @param capacity most vectors */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#vectors.size;
  }

  get(key: string): Float32Array | undefined {
    const vector = this.#vectors.get(key);
    if (vector === undefined) return undefined;
    this.#vectors.delete(key);
    this.#vectors.set(key, vector);
    return vector;
  }

  set(key: string, vector: Float32Array): void {
    this.#vectors.delete(key);
    this.#vectors.set(key, vector);
    if (this.#vectors.size > this.#capacity) this.#vectors.delete(this.#vectors.keys().next().value!);
  }
}

/** The key of an input: exact, so that no two inputs share one. Two UTF-16 units a token. */
export function cacheKey(ids: ArrayLike<number>, options: string): string {
  let key = `${options}|`;
  for (let i = 0; i < ids.length; i++) key += String.fromCharCode(ids[i] >>> 16, ids[i] & 0xffff);
  return key;
}
