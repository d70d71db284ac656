/**
 * @file Multi-head attention (Vaswani et al. 2017) inside each sequence of the batch, with grouped key/value heads,
 * causal and windowed masks, ALiBi (Press et al. 2021), T5's relative bias (Raffel et al. 2019), a soft cap, and disentangled attention
 * (He et al. 2021).
 */
import { seenEnd, spansOf } from '../../tensor/batch-rows.ts';
import type { AttentionOptions, Disentangled, StepNames, Tensor, Weight } from '../../tensor/ops.ts';
import { alibiSlopes, disentangledRow, relativeBucket } from '../../tensor/positions.ts';
import { softmaxInPlace } from './activation.ts';
import type { Forward } from './forward.ts';
import { dot, Matrix } from './matrix.ts';

/**
 * `softmax(mask(scale · q kᵀ)) v` for each head; see `Ops.attention`.
 * The observer sees `scores` (the bare products) and `probabilities` of one sequence at a time, `[nHead · n, nKeys]`.
 */
export function attention(
  fw: Forward,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions & StepNames<'scores' | 'probabilities'>,
): Matrix {
  const [q, k, v] = [fw.own(query), fw.own(key), fw.own(value)];
  const { nHead, nHeadKv } = options;
  const headSize = q.cols / nHead;
  const headSizeV = v.cols / nHeadKv;
  if (k.cols !== headSize * nHeadKv || !Number.isInteger(headSizeV) || nHead % nHeadKv !== 0) {
    throw new Error(`attention: q ${q.cols}, k ${k.cols} and v ${v.cols} wide with ${nHead} and ${nHeadKv} heads`);
  }
  const { positions, ahead } = fw.batch;
  const offsets = spansOf(fw.batch, options);
  const y = fw.matrix(q.rows, nHead * headSizeV);
  for (let s = 0; s + 1 < offsets.length; s++) {
    const [begin, end] = [offsets[s], offsets[s + 1]];
    const n = end - begin;
    const nKeys = seenEnd(fw.batch, offsets, s) - begin;
    const finish = maskAndScale(fw, positions.subarray(begin, end), ahead?.subarray(begin, end), options);
    const ofDistance = options.disentangled && distanceTerm(fw, options.disentangled, q.cols);
    const scores = fw.watches(options, 'scores') ? fw.matrix(nHead * n, nKeys) : undefined;
    const probabilities = fw.watches(options, 'probabilities') ? fw.matrix(nHead * n, nKeys) : undefined;
    const row = fw.scratch(nKeys);
    for (let h = 0; h < nHead; h++) {
      const hKv = Math.floor(h / (nHead / nHeadKv));
      const keys = Array.from({ length: nKeys }, (_, j) => k.slice(begin + j, hKv * headSize, headSize));
      for (let i = 0; i < n; i++) {
        const qi = q.slice(begin + i, h * headSize, headSize);
        for (let j = 0; j < nKeys; j++) row[j] = dot(qi, keys[j]);
        scores?.row(h * n + i).set(row);
        for (let j = 0; j < nKeys; j++) {
          const product = ofDistance === undefined ? row[j] : row[j] + ofDistance(h, qi, keys[j], i - j);
          row[j] = finish(product, h, i, j);
        }
        softmaxInPlace(row);
        probabilities?.row(h * n + i).set(row);
        weightedSum(row, v, begin, hKv * headSizeV, y.slice(begin + i, h * headSizeV, headSizeV));
      }
    }
    if (scores !== undefined) fw.report(options, 'scores', scores);
    if (probabilities !== undefined) fw.report(options, 'probabilities', probabilities);
  }
  fw.report(options, 'out', y);
  return y;
}

/** `out = Σⱼ p[j] · v[begin + j][column…]`, summed in double. */
function weightedSum(p: Float32Array, v: Matrix, begin: number, column: number, out: Float32Array): void {
  for (let c = 0; c < out.length; c++) {
    let sum = 0;
    for (let j = 0; j < p.length; j++) {
      sum += p[j] * v.data[v.start + (begin + j) * v.stride + column + c];
    }
    out[c] = sum;
  }
}

/** Computes the input of the softmax from the product of query `i` and key `j` of head `h`: −∞ where the mask forbids it. */
function maskAndScale(
  fw: Forward,
  p: Int32Array,
  seesAhead: Int32Array | undefined,
  options: AttentionOptions,
): (product: number, h: number, i: number, j: number) => number {
  const { scale, causal = false, window, softcap, nHead } = options;
  const slopes = options.alibiMaxBias === undefined ? undefined : alibiSlopes(nHead, options.alibiMaxBias);
  const relativeBias = options.relativeBias === undefined ? undefined : relativeBiasOf(fw, options.relativeBias, nHead);
  return (product, h, i, j) => {
    const ahead = p[j] - p[i];
    if (causal && ahead > (seesAhead?.[i] ?? 0)) return Number.NEGATIVE_INFINITY;
    if (window?.kind === 'standard' && -ahead >= window.size) return Number.NEGATIVE_INFINITY;
    if (window?.kind === 'symmetric' && Math.abs(ahead) > Math.floor(window.size / 2)) return Number.NEGATIVE_INFINITY;
    let score = product;
    if (relativeBias !== undefined) score += relativeBias(h, ahead);
    score *= scale;
    if (softcap !== undefined) score = softcap * Math.tanh(score / softcap);
    if (slopes !== undefined) score -= slopes[h] * Math.abs(ahead);
    return score;
  };
}

/** What the distance of query and key adds to their product: each of them times a row of the other's table. */
function distanceTerm(
  fw: Forward,
  options: Disentangled,
  width: number,
): (h: number, query: Float32Array, key: Float32Array, behind: number) => number {
  const { nRows } = options;
  const tableOf = (weight: Weight | undefined) => {
    if (weight === undefined) return undefined;
    const w = fw.weight(weight, width, nRows);
    const table = new Matrix(fw.scratch(width * nRows), nRows, width);
    for (let r = 0; r < nRows; r++) w.dequantizeRow(r, table.row(r));
    return table;
  };
  const [keys, queries] = [tableOf(options.keys), tableOf(options.queries)];
  return (h, query, key, behind) => {
    const r = disentangledRow(behind, options);
    const size = query.length;
    const ofQuery = keys === undefined ? 0 : dot(query, keys.slice(r, h * size, size));
    return ofQuery + (queries === undefined ? 0 : dot(key, queries.slice(r, h * size, size)));
  };
}

/** T5's learned bias as a function of head and `keyPosition − queryPosition`. */
function relativeBiasOf(
  fw: Forward,
  weight: NonNullable<AttentionOptions['relativeBias']>,
  nHead: number,
): (h: number, ahead: number) => number {
  const w = fw.weight(weight, nHead);
  const table = new Matrix(fw.scratch(nHead * w.nRows), w.nRows, nHead);
  for (let b = 0; b < w.nRows; b++) w.dequantizeRow(b, table.row(b));
  return (h, ahead) => table.data[relativeBucket(ahead, w.nRows) * nHead + h];
}
