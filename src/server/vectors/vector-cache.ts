/**
 * @file Keeps vectors of recent inputs, by their tokens and everything else that decides about the numbers.
 */
import { LRUCache } from 'lru-cache';

/** Bytes that an entry takes beside its key and its values, about. */
const ENTRY_BYTES = 256;

/** A cache that forgets the vectors that were not used for longest. */
export class VectorCache {
  readonly #vectors: LRUCache<string, Float32Array>;

  /**
   * @param maxVectors most vectors
   * @param maxBytes most bytes of keys and vectors; a vector that needs more by itself is not kept
   */
  constructor(maxVectors: number, maxBytes: number) {
    this.#vectors = new LRUCache({
      // The cache allocates its index at once, so a bound that bytes keep out of reach must not count.
      max: Math.min(maxVectors, Math.ceil(maxBytes / ENTRY_BYTES)),
      maxSize: maxBytes,
      sizeCalculation: (vector, key) => ENTRY_BYTES + 2 * key.length + vector.byteLength,
    });
  }

  /** Vectors that are kept. */
  get size(): number {
    return this.#vectors.size;
  }

  /** Bytes that they take. */
  get bytes(): number {
    return this.#vectors.calculatedSize;
  }

  get(key: string): Float32Array | undefined {
    return this.#vectors.get(key);
  }

  set(key: string, vector: Float32Array): void {
    // A view would keep the vectors of its whole batch in memory.
    const isView = vector.byteLength < vector.buffer.byteLength;
    this.#vectors.set(key, isView ? vector.slice() : vector);
  }
}

/** The key of an input: exact, so that no two inputs share one. Two UTF-16 units a token. */
export function cacheKey(ids: ArrayLike<number>, options: string): string {
  let key = `${options}|`;
  for (let i = 0; i < ids.length; i++) key += String.fromCharCode(ids[i] >>> 16, ids[i] & 0xffff);
  return key;
}
