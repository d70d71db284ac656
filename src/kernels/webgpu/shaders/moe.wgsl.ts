/**
 * @file Mixture of experts, around the products: choosing experts, grouping tokens by expert, adding the results up.
 *
 * Idea     `choose` finds the best experts of each token. `group` sorts the pairs (token, slot) by expert and cuts each
 *          expert's pairs into tiles, so that `matmul-tile` can run one expert a workgroup. `combine` adds a token's
 *          results, best expert first.
 * Order    Sorting changes which rows share a tile, which no sum depends on.
 * Threads  64 (`choose`: one a token; `combine`: one a value), 1 × 256 (`group`). Shared: at most 12 KiB (`group`).
 * Features none. Whole numbers are kept in the arena as floats, exact up to 2²⁴: bits of integers are denormal floats,
 *          which some GPUs flush to zero.
 */
import { eachValue, type Kernel, kernel, linearGroup, once } from '../kernel.ts';

/** The largest number of experts that `group` can count. */
export const maxExperts = 1024;

/** `y[t] = [expert…, weight…]` from router probabilities `x` `[rows, nExpert]`. */
export const choose: Kernel = kernel({
  name: 'moe choose',
  params: { x: 'tensor', y: 'tensor', rows: 'u32', nExpert: 'u32', nUsed: 'u32', renormalise: 'u32' },
  code: /* wgsl */ `
${linearGroup}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = linear_group(wg, nwg) * 64u + t;
  if (row >= p.rows) { return; }
  let x = p.xOff + row * p.xStride;
  let y = p.yOff + row * p.yStride;
  var sum = 0.0;
  var last = 3.4e38;
  var lastExpert = 0u;
  for (var slot = 0u; slot < p.nUsed; slot++) {
    var best = -1.0;
    var expert = 0u;
    for (var e = 0u; e < p.nExpert; e++) {
      let v = arena[x + e];
      let later = v < last || (v == last && e > lastExpert);
      if (later && v > best) { best = v; expert = e; }
    }
    last = best;
    lastExpert = expert;
    sum += best;
    arena[y + slot] = f32(expert);
    arena[y + p.nUsed + slot] = best;
  }
  if (p.renormalise != 0u) {
    sum = max(sum, 6.103515625e-5);
    for (var slot = 0u; slot < p.nUsed; slot++) { arena[y + p.nUsed + slot] /= sum; }
  }
}`,
});

/**
 * From `choose`'s result `x` `[rows, 2 nUsed]` to tiles of at most `bm` pairs: `y` holds `maxTiles` times
 * (expert, first, count), then the pairs sorted by expert. Unused tiles have count 0.
 */
export const group = once(
  (bm: number): Kernel =>
    kernel({
      name: `moe group ${bm}`,
      params: { x: 'tensor', y: 'tensor', rows: 'u32', nExpert: 'u32', nUsed: 'u32', maxTiles: 'u32' },
      code: /* wgsl */ `
var<workgroup> counts: array<atomic<u32>, ${maxExperts}>;
var<workgroup> firstPair: array<u32, ${maxExperts}>;
var<workgroup> firstTile: array<u32, ${maxExperts}>;
fn expert_of(pair: u32) -> u32 { return u32(arena[p.xOff + (pair / p.nUsed) * p.xStride + pair % p.nUsed]); }

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) t: u32) {
  let nPairs = p.rows * p.nUsed;
  for (var pair = t; pair < nPairs; pair += 256u) { atomicAdd(&counts[expert_of(pair)], 1u); }
  workgroupBarrier();
  if (t == 0u) {
    var pairs = 0u;
    var tiles = 0u;
    for (var e = 0u; e < p.nExpert; e++) {
      let n = atomicLoad(&counts[e]);
      firstPair[e] = pairs;
      firstTile[e] = tiles;
      pairs += n;
      tiles += (n + ${bm - 1}u) / ${bm}u;
    }
    for (; tiles < p.maxTiles; tiles++) { arena[p.yOff + tiles * 3u + 2u] = 0.0; }
  }
  workgroupBarrier();
  for (var e = t; e < p.nExpert; e += 256u) {
    let n = atomicLoad(&counts[e]);
    for (var i = 0u; i * ${bm}u < n; i++) {
      let at = p.yOff + (firstTile[e] + i) * 3u;
      arena[at] = f32(e);
      arena[at + 1u] = f32(firstPair[e] + i * ${bm}u);
      arena[at + 2u] = f32(min(${bm}u, n - i * ${bm}u));
    }
  }
  workgroupBarrier();
  for (var e = t; e < p.nExpert; e += 256u) { atomicStore(&counts[e], 0u); }
  workgroupBarrier();
  for (var pair = t; pair < nPairs; pair += 256u) {
    let e = expert_of(pair);
    let place = firstPair[e] + atomicAdd(&counts[e], 1u);
    arena[p.yOff + p.maxTiles * 3u + place] = f32(pair);
  }
}`,
    }),
);

/** `y[t] = Σ_slot weight · x[t · nUsed + slot]`, with the weights of `choose`'s result `w`. */
export const combine: Kernel = kernel({
  name: 'moe combine',
  params: { x: 'tensor', w: 'tensor', y: 'tensor', rows: 'u32', cols: 'u32', nUsed: 'u32' },
  code: eachValue(/* wgsl */ `
  var sum = 0.0;
  for (var slot = 0u; slot < p.nUsed; slot++) {
    let weight = arena[p.wOff + row * p.wStride + p.nUsed + slot];
    sum += weight * arena[p.xOff + (row * p.nUsed + slot) * p.xStride + c];
  }
  arena[p.yOff + row * p.yStride + c] = sum;`),
});
