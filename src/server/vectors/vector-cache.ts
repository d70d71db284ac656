/**
 * @file Keeps the vectors of recent inputs. The key is an input's tokens and everything else that affects the numbers.
 */
import { LRUCache } from 'lru-cache';

/** Approximate number of bytes of an entry besides its key and values. */
const ENTRY_BYTES = 256;

/** A cache that drops the least recently used vectors first. */
export class VectorCache {
  readonly #vectors: LRUCache<string, Float32Array>;

  /**
   * @param maxVectors maximum number of vectors
   * @param maxBytes maximum number of bytes of keys and vectors; a vector that alone exceeds it is not kept
   */
  constructor(maxVectors: number, maxBytes: number) {
    this.#vectors = new LRUCache({
      // The cache allocates its index at once, so this ignores a limit on vectors that the limit on bytes keeps out of reach.
      max: Math.min(maxVectors, Math.ceil(maxBytes / ENTRY_BYTES)),
      maxSize: maxBytes,
      sizeCalculation: (vector, key) => ENTRY_BYTES + 2 * key.length + vector.byteLength,
    });
  }

  /** Number of kept vectors. */
  get size(): number {
    return this.#vectors.size;
  }

  /** Bytes of the kept vectors and their keys. */
  get bytes(): number {
    return this.#vectors.calculatedSize;
  }

  get(key: string): Float32Array | undefined {
    return this.#vectors.get(key);
  }

  set(key: string, vector: Float32Array): void {
    // A view would keep its whole batch in memory.
    const isView = vector.byteLength < vector.buffer.byteLength;
    this.#vectors.set(key, isView ? vector.slice() : vector);
  }
}

/** The key of an input. It is exact: no two inputs share a key. Each token takes two UTF-16 units. */
export function cacheKey(ids: ArrayLike<number>, options: string): string {
  let key = `${options}|`;
  for (let i = 0; i < ids.length; i++) key += String.fromCharCode(ids[i] >>> 16, ids[i] & 0xffff);
  return key;
}
