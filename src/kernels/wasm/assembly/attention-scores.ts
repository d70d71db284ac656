/**
 * @file Which keys 16 queries see, and what is added to their scores before softmax: distances, a soft limit, a bias, masks. Keys are counted
 * from the first one in the scratch, and the score of key `j` is at `strip + 64 · j`.
 */
import { Params, QUERIES, Relative, Work, roundUp } from './attention-layout';
import { biasColumns, capColumns } from './columns';
import { tilesF32 } from './linear';
import { scaleRows, transpose } from './transpose';

/** The first key that a query at `p` sees, rounded down to a multiple of 16. */
export function firstSeen(o: Params, w: Work, p: i32): i32 {
  return (max(0, p - o.back) - w.firstKey) & -16;
}

/** The end of the keys that the last of `rows` queries from `p` on sees. */
export function endSeen(o: Params, w: Work, p: i32, rows: i32): i32 {
  return min(w.endKey, p + rows + min(o.forward, o.nKeys)) - w.firstKey;
}

/**
 * Turns the products of keys [from, last) with queries [r0, r0 + rows) of head `h` into scores; those of keys that a query does not see are −inf.
 * Returns whether any changed. */
export function finishScores(o: Params, w: Work, h: i32, r0: i32, rows: i32, strip: usize, from: i32, last: i32): bool {
  const p = o.firstQuery + r0, to = roundUp(last, 4);
  const first = strip + (<usize>from << 6), end = strip + (<usize>to << 6);
  if (o.relative) addDistances(o, w, rows, p, strip, from, last);
  if (o.softcap != 0) capColumns(first, end, o.softcap);
  if (o.bias != 0) biasColumns(first, end, o.bias + (<usize>(h * (2 * o.centre + 1) + o.centre + p - w.firstKey - from) << 2));
  const forward = min(o.forward, o.nKeys);
  const allSeen = o.ahead == 0 && to == last && from + w.firstKey >= p + rows - 1 - o.back && last + w.firstKey <= p + 1 + forward;
  if (!allSeen) {
    for (let r = 0; r < rows; r++) {
      const lane = strip + (<usize>r << 2);
      hide(lane, from, min(to, max(0, p + r - o.back) - w.firstKey));
      const seen = o.ahead == 0 ? forward : load<i32>(o.ahead + (<usize>(r0 + r) << 2));
      hide(lane, max(from, min(last, p + r + 1 + seen - w.firstKey)), to);
    }
  }
  return !allSeen || o.relative != 0 || o.softcap != 0 || o.bias != 0;
}

/** Makes the scores of keys [from, to) in one lane −inf. */
function hide(lane: usize, from: i32, to: i32): void {
  for (let j = from; j < to; j++) store<f32>(lane + (<usize>j << 6), -Infinity);
}

/** Products of keys with the rows of distances, in float32: keys [first, first + n) of head `h`; `first` is a multiple of 16. */
export function multiplyKeys(o: Params, w: Work, h: i32, keys: usize, first: i32, n: i32): void {
  const r = changetype<Relative>(o.relative), d = o.headSize;
  if (r.queries == 0) return;
  const k4 = <usize>d << 2;
  for (let j = 0; j < n; j += 16) {
    transpose(keys + <usize>j * k4, k4, min(16, n - j), d, w.panel, 64);
    scaleRows(w.panel, 0, 1, d << 4, o.scale, w.panel);
    const to = w.ofKeys + (<usize>(((first + j) >> 4) * r.nRows) << 6);
    tilesF32(r.queries + <usize>h * k4, r.ldRow, r.nRows, w.panel, to, k4, o.wide);
  }
}

/** Products of 16 queries of head `h` with the rows of distances, in float32. */
export function multiplyQueries(o: Params, w: Work, h: i32, q: usize, rows: i32): void {
  const r = changetype<Relative>(o.relative), d = o.headSize;
  if (r.keys == 0) return;
  const k4 = <usize>d << 2;
  transpose(q, o.ldq, rows, d, w.panel, 64);
  scaleRows(w.panel, 0, 1, d << 4, o.scale, w.panel);
  tilesF32(r.keys + <usize>h * k4, r.ldRow, r.nRows, w.panel, w.ofQueries, k4, o.wide);
}

/** Adds to the scores of keys [from, last) what their distances to the queries at `p` … contribute. */
function addDistances(o: Params, w: Work, rows: i32, p: i32, strip: usize, from: i32, last: i32): void {
  const r = changetype<Relative>(o.relative);
  const rowOf = r.rows + (<usize>(o.nKeys - 1 + p - w.firstKey) << 2);
  if (r.keys != 0) {
    for (let j = from; j < last; j++) {
      let s = strip + (<usize>j << 6), at = rowOf - (<usize>j << 2), own = w.ofQueries;
      for (let c = 0; c < rows; c++) {
        store<f32>(s, load<f32>(s) + load<f32>(own + load<i32>(at)));
        s += 4; at += 4; own += 4;
      }
    }
  }
  if (r.queries == 0) return;
  for (let j = from; j < last; j++) {
    const key = w.ofKeys + (<usize>((j >> 4) * r.nRows) << 6) + (<usize>(j & 15) << 2);
    let s = strip + (<usize>j << 6), at = rowOf - (<usize>j << 2);
    for (let c = 0; c < rows; c++) {
      store<f32>(s, load<f32>(s) + load<f32>(key + load<i32>(at)));
      s += 4; at += 4;
    }
  }
}
