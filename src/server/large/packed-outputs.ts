/**
 * @file Packs the vectors of one input into one array, to send them to the worker for large requests.
 */
import type { Embeddings, SparseVector, TokenVectors } from '../../engine/index.ts';

/** The kinds of vectors of several inputs. */
type Kinds = Pick<Embeddings, 'vectors' | 'sparse' | 'multi'>;

/** Numbers before the values: how many are dense, sparse and of tokens, and the width of the latter. */
const HEAD = 4;

/** All vectors of input `i`. Token ids are exact as float32. */
export function packOutputs({ vectors, sparse, multi }: Kinds, i: number): Float32Array {
  const dense = vectors[i] ?? new Float32Array();
  const { indices, values } = sparse?.[i] ?? { indices: [], values: [] };
  const tokens = multi?.[i] ?? { values: [], dimensions: 0 };
  const packed = new Float32Array(HEAD + dense.length + 2 * indices.length + tokens.values.length);
  packed.set([dense.length, indices.length, tokens.values.length, tokens.dimensions]);
  packed.set(dense, HEAD);
  packed.set(indices, HEAD + dense.length);
  packed.set(values, HEAD + dense.length + indices.length);
  packed.set(tokens.values, HEAD + dense.length + 2 * indices.length);
  return packed;
}

/** The vectors of several inputs. @param kinds the kinds that were asked for */
export function unpackOutputs(packed: readonly Float32Array[], kinds: readonly string[]): Kinds {
  const vectors: Float32Array[] = [];
  const sparse: SparseVector[] = [];
  const multi: TokenVectors[] = [];
  for (const one of packed) {
    const [nDense, nSparse, nMulti, dimensions] = one;
    const [a, b, c] = [HEAD + nDense, HEAD + nDense + nSparse, HEAD + nDense + 2 * nSparse];
    vectors.push(one.subarray(HEAD, a));
    sparse.push({ indices: Int32Array.from(one.subarray(a, b)), values: one.subarray(b, c) });
    multi.push({ values: one.subarray(c, c + nMulti), dimensions });
  }
  return {
    vectors: kinds.includes('dense') ? vectors : [],
    ...(kinds.includes('sparse') && { sparse }),
    ...(kinds.includes('multi') && { multi }),
  };
}
