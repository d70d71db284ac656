/**
 * @file Keys and values of one key/value head, gathered from the rows of all workers.
 */
import { Params, SEGMENT_BYTES, Segment } from './attention-layout';
import { scaleRows, transpose } from './transpose';

/** Copies the keys [from, to) of one key/value head to `keys`, `[key][headSize]`, and their values to `values`, `[dimension][key]`. */
export function gather(o: Params, kv: i32, from: i32, to: i32, keys: usize, values: usize, ldv: usize): void {
  const d = o.headSize, dv = o.headSizeV;
  let row = 0;
  for (let i = 0; i < o.nSegments; i++) {
    const segment = changetype<Segment>(o.segments + <usize>i * SEGMENT_BYTES);
    const n = segment.rows;
    const first = max(row, from), end = min(row + n, to);
    if (first < end) {
      const ldk = segment.ldk, ld = segment.ldv;
      const k = segment.k + <usize>(first - row) * ldk + (<usize>(kv * d) << 2);
      const v = segment.v + <usize>(first - row) * ld + (<usize>(kv * dv) << 2);
      scaleRows(k, ldk, end - first, d, 1, keys + (<usize>((first - from) * d) << 2));
      transpose(v, ld, end - first, dv, values + (<usize>(first - from) << 2), ldv);
    }
    row += n;
  }
  // The last tile reads up to 3 keys more.
  memory.fill(keys + (<usize>((to - from) * d) << 2), 0, <usize>(((from - to) & 3) * d) << 2);
}
