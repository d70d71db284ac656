/**
 * @file The outputs of products of a few rows in WGSL: which one a thread has, and how results reach the arena. 16 threads share an output,
 * and the first of them have the rows.
 */
import type { Stored } from './halves.wgsl.ts';

/** Outputs of a workgroup. */
export const skinnyOutputs = 4;
/** Threads that share an output. */
export const skinnyLanes = 16;

/** WGSL: the output `n` of the thread, and its row of W; in a gated product two groups of threads share an output. */
export function skinnyOutput(isGated: boolean): string {
  const half = skinnyOutputs / 2;
  if (!isGated) return `let n = linear_group(wg, nwg) * ${skinnyOutputs}u + o; let w_row = n;`;
  return `let n0 = linear_group(wg, nwg) * ${half}u; let n = n0 + o % ${half}u; let w_row = gated_row(n0, o, ${half}u);`;
}

/** WGSL of a float32 in an arena of words, or of float32. */
export const floatOf = (at: string, isPlain: boolean) => (isPlain ? `arena[${at}]` : `bitcast<f32>(arena[${at}])`);

/** A kernel for few rows. */
interface Results {
  /** Rows that it is made for; the real number may be smaller. */
  readonly m: number;
  readonly isGated: boolean;
  /** The arena's elements are float32. */
  readonly isPlain: boolean;
  readonly stored: Stored;
  /** WGSL of a place in shared memory for a float32 of thread `i`. */
  readonly place: (i: string) => string;
}

/** WGSL: from `total`, the sum of the thread for row `lane`, to the arena. */
export function skinnyResults(results: Results): string {
  return `${valueCode(results)}\n${results.stored === 'f32' ? storeFloat(results) : storeHalves(results)}`;
}

/** WGSL: `v`, the output of the thread for row `lane`; `isOwn` where it has one. */
function valueCode({ m, isGated, isPlain, place }: Results): string {
  const isOwn = `lane < p.rows && lane < ${m}u && n < p.nOut`;
  if (isGated) {
    return /* wgsl */ `
  ${place('t')} = total;
  workgroupBarrier();
  let isOwn = o < ${skinnyOutputs / 2}u && ${isOwn};
  var v = 0.0;
  if (isOwn) { v = gated(total, ${place(`t + ${(skinnyOutputs / 2) * skinnyLanes}u`)}, n); }`;
  }
  return /* wgsl */ `
  let isOwn = ${isOwn};
  var v = 0.0;
  if (isOwn) {
    v = finish(total, p.firstOut + n);
    if (p.hasResidual != 0u) { v = v + ${floatOf('p.rOff + lane * p.rStride + p.firstOut + n', isPlain)}; }
  }`;
}

const columnOf = ({ isGated }: Results) => (isGated ? 'n' : 'p.firstOut + n');

function storeFloat(results: Results): string {
  const value = results.isPlain ? 'v' : 'bitcast<u32>(v)';
  return `  if (isOwn) { arena[p.yOff + lane * p.yStride + ${columnOf(results)}] = ${value}; }`;
}

/** WGSL: one thread stores two outputs, which are a word; those in front of `halvesFrom` are float32. */
function storeHalves(results: Results): string {
  const { place } = results;
  return /* wgsl */ `
  workgroupBarrier();
  ${place('t')} = v;
  workgroupBarrier();
  if (isOwn) {
    let y = p.yOff + lane * p.yStride;
    let c = ${columnOf(results)};
    if (c < p.halvesFrom) {
      arena[y + c] = bitcast<u32>(v);
    } else if (o % 2u == 0u) {
      let two = to_halves(vec4<f32>(v, ${place(`t + ${skinnyLanes}u`)}, 0.0, 0.0));
      arena[y + (p.halvesFrom + c) / 2u] = two.x;
    }
  }`;
}
