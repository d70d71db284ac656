/**
 * @file What cutting or storing vectors does to their nearest neighbours.
 */
import { dot } from '../../layout/vectors.ts';
import { smallest } from '../maths/nearest-k.ts';
import { sampleOf } from '../maths/sample.ts';
import { type Encoding, stored } from './encodings.ts';

/** Texts whose neighbours are compared. */
const SAMPLE = 100;

/** Compares the neighbours in whole float vectors with those in cut or stored ones. */
export class KeptNeighbours {
  readonly #vectors: readonly Float32Array[];
  readonly #count: number;
  readonly #sample: readonly { readonly index: number; readonly nearest: ReadonlySet<number> }[];

  /**
   * @param vectors of length 1
   * @param count neighbours of each
   */
  constructor(vectors: readonly Float32Array[], count: number) {
    this.#vectors = vectors;
    this.#count = count;
    const indices = sampleOf(
      vectors.map((_, i) => i),
      SAMPLE,
    );
    this.#sample = indices.map((index) => ({ index, nearest: new Set(this.#nearest(vectors, index)) }));
  }

  /** The neighbours of one text in whole vectors. */
  whole(index: number): number[] {
    return this.#nearest(this.#vectors, index);
  }

  /** The neighbours of one text after storing, and the mean part of the neighbours that all texts keep: recall@count. */
  after(index: number, size: number, encoding: Encoding): { nearest: number[]; recall: number } {
    const vectors = this.#vectors.map((vector) => stored(vector, size, encoding));
    return { nearest: this.#nearest(vectors, index), recall: this.#recall(vectors) };
  }

  /** The recall of a size and encoding. */
  recall(size: number, encoding: Encoding): number {
    return this.#recall(this.#vectors.map((vector) => stored(vector, size, encoding)));
  }

  #recall(vectors: readonly Float32Array[]): number {
    let kept = 0;
    for (const { index, nearest } of this.#sample) {
      kept += this.#nearest(vectors, index).filter((other) => nearest.has(other)).length;
    }
    return kept / (this.#sample.length * this.#count);
  }

  #nearest(vectors: readonly Float32Array[], index: number): number[] {
    const distances = Float64Array.from(vectors, (vector, i) =>
      i === index ? Number.POSITIVE_INFINITY : -dot(vector, vectors[index]),
    );
    return smallest(distances, this.#count);
  }
}
