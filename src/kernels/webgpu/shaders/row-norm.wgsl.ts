/**
 * @file The layer norm or RMS norm of a row in WGSL: what the norm's own kernel and products that norm their input share.
 *
 * Idea     16 threads share a slice of a row, each takes every 16th vector of four values. Their sums meet in shared memory, and each
 *          thread adds them up in the same tree: one barrier, and an order that depends on the width alone.
 * Bits     A value is the same wherever it is normed. Additions to products are written as `fma`, so that no compiler chooses.
 */

/** Threads that share a slice. */
export const rowThreads = 16;

/** The parameters of a norm that its sums depend on; the residual is the tensor `r`. */
export const rowNormParams = {
  /** Layer norm: the mean is subtracted. */
  centred: 'u32',
  eps: 'f32',
} as const;

/** Bytes of shared memory that `rowNormCode` needs for a workgroup of `threads`. */
export function rowNormShared(threads: number): number {
  return threads * 16;
}

/**
 * WGSL: `raw4(row, c)`, the values `c…c+3` of a row with the residual; `row_stats(t, row, first, inside)`, mean and factor of the slice that
 * begins at column `first`, which all threads of a workgroup must call; `normed4(row, first, i, stats, weightAt, biasAt)`, four values of
 * the slice from its value `i` on.
 * @param options.wide rows are read four values at a time
 * @param options.words the arena's elements are words
 * @param options.n WGSL of the number of values of a slice
 * @param options.hasResidual WGSL of a number, not 0 if `r` is added first
 */
export function rowNormCode(options: {
  wide: boolean;
  words?: boolean;
  threads: number;
  n: string;
  hasResidual: string;
}): string {
  const { wide, words = false, threads, n, hasResidual } = options;
  const all = Array.from({ length: rowThreads }, (_, i) => `lane_sums[first + ${i}u]`);
  return /* wgsl */ `
var<workgroup> lane_sums: array<vec4<f32>, ${threads}>;
fn row_total(t: u32, mine: vec4<f32>) -> f32 {
  lane_sums[t] = mine;
  workgroupBarrier();
  let first = t & ~${rowThreads - 1}u;
  let sum = ${tree(all)};
  workgroupBarrier();
  let two = sum.xy + sum.zw;
  return two.x + two.y;
}
${wide ? wideRows(hasResidual, words) : narrowRows(n, hasResidual, words)}
fn row_stats(t: u32, row: u32, first: u32, inside: bool) -> vec2<f32> {
  let begin = (t % ${rowThreads}u) * 4u;
  let end = select(0u, ${n}, inside);
  var mean = 0.0;
  if (p.centred != 0u) {
    var sum = vec4<f32>();
    for (var i = begin; i < end; i += ${rowThreads * 4}u) { sum += raw4(row, first, i); }
    mean = row_total(t, sum) / f32(${n});
  }
  var squares = vec4<f32>();
  for (var i = begin; i < end; i += ${rowThreads * 4}u) {
    let v = in_row(i, raw4(row, first, i) - mean);
    squares = fma(v, v, squares);
  }
  return vec2<f32>(mean, 1.0 / sqrt(row_total(t, squares) / f32(${n}) + p.eps));
}
fn normed4(row: u32, first: u32, i: u32, stats: vec2<f32>, weightAt: u32, biasAt: u32) -> vec4<f32> {
  let at = weightAt + i;
  let v = (raw4(row, first, i) - stats.x) * stats.y;
  let w = vec4<f32>(vec[at], vec[at + 1u], vec[at + 2u], vec[at + 3u]);
  if (biasAt == 0xffffffffu) { return in_row(i, v * w); }
  let b = biasAt + i;
  return in_row(i, fma(v, w, vec4<f32>(vec[b], vec[b + 1u], vec[b + 2u], vec[b + 3u])));
}
`;
}

/** WGSL: the sum of `terms`, a power of two of them: each with the one half their number later, and so on. */
function tree(terms: readonly string[]): string {
  if (terms.length === 1) return terms[0];
  const half = terms.length / 2;
  return tree(Array.from({ length: half }, (_, i) => `(${terms[i]} + ${terms[i + half]})`));
}

/** WGSL of an element of the arena as float32. */
export const floatAt = (at: string, type: 'f32' | 'vec4<f32>', words: boolean) =>
  words ? `bitcast<${type}>(arena[${at}])` : `arena[${at}]`;

const wideRows = (hasResidual: string, words: boolean) => /* wgsl */ `
fn raw4(row: u32, first: u32, i: u32) -> vec4<f32> {
  var v = ${floatAt('(p.xOff + row * p.xStride + first + i) >> 2u', 'vec4<f32>', words)};
  if (${hasResidual} != 0u) { v = v + ${floatAt('(p.rOff + row * p.rStride + first + i) >> 2u', 'vec4<f32>', words)}; }
  return v;
}
fn in_row(i: u32, v: vec4<f32>) -> vec4<f32> { return v; }
`;

const narrowRows = (n: string, hasResidual: string, words: boolean) => /* wgsl */ `
fn raw4(row: u32, first: u32, i: u32) -> vec4<f32> {
  var v = vec4<f32>();
  let x = p.xOff + row * p.xStride + first + i;
  let r = p.rOff + row * p.rStride + first + i;
  for (var j = 0u; j < min(4u, ${n} - i); j++) {
    v[j] = ${floatAt('x + j', 'f32', words)};
    if (${hasResidual} != 0u) { v[j] = v[j] + ${floatAt('r + j', 'f32', words)}; }
  }
  return v;
}
/* Values past the end of the slice are zero. */
fn in_row(i: u32, v: vec4<f32>) -> vec4<f32> {
  return select(vec4<f32>(), v, vec4<u32>(i, i + 1u, i + 2u, i + 3u) < vec4<u32>(${n}));
}
`;
