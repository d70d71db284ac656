/** @file What the sums of products of low-bit weights begin with (`tile-low-bit.ts`). */

/** Sums of the int8 at `q`, `[n/4][row][4]`, up to `end`: int16 `[row][2]`, one for the first and one for the last two of every four. */
@inline
function laneSums(q: usize, end: usize): v128 {
  let sums = i16x8.extadd_pairwise_i8x16_s(v128.load(q));
  for (q += 16; q < end; q += 16) sums = i16x8.add(sums, i16x8.extadd_pairwise_i8x16_s(v128.load(q)));
  return sums;
}

/**
 * −centre · Σ a of each sub-block and lane: int16 `[group][sub-block][row][2]` at `starts`.
 * @param q int8 as `quantizeRowsU8` makes it, `groups` groups of 4 rows
 * @param k a multiple of `sub`
 */
export function startSums(
  q: usize, groupBytes: usize, groups: i32, k: i32, sub: i32, centre: i32, starts: usize, startGroupBytes: usize,
): void {
  const factor = i16x8.splat(<i16>-centre), step = <usize>sub << 2;
  for (let g = 0; g < groups; g++) {
    const end = q + (<usize>k << 2);
    let to = starts;
    for (let at = q; at < end; at += step) {
      v128.store(to, i16x8.mul(laneSums(at, at + step), factor));
      to += 16;
    }
    q += groupBytes; starts += startGroupBytes;
  }
}
