/**
 * @file Attention of the query rows that one worker owns in one sequence.
 *
 * 16 query rows are a panel, as 16 columns of weights are; keys, then dimensions of V, are the rows it is multiplied with. For each query
 * head and each 16 queries: scores of the keys they can see, `[key][16]`, softmax down the columns, the product with V, `[dimension][16]`,
 * turned back into rows. Each query has its own lane, and partial sums over keys end at fixed keys of the sequence, so a row's bits do not
 * depend on the rows that are computed with it.
 *
 * Two forms. float32 (`attention-f32.ts`): K as it is, V transposed, a strip of scores over all keys. int16 (`attention-i16.ts`): queries and
 * keys have one scale a row, V one for each dimension and block of 128 keys, exponentials one for each query and block; K and V are stored in
 * the groups of 4 rows that the products read, and scores exist for one block of keys. No int32 sum can overflow: see `quantize-norm.ts` for
 * the scores, `VALUE_LIMIT` in `columns.ts` for the product with V.
 */
import { attendF32 } from './attention-f32';
import { attendI16, quantizeKeys } from './attention-i16';
import { gather } from './attention-keys';
import { PARAMS_BYTES, Params, Work, layOut } from './attention-layout';
import { multiplyKeys } from './attention-scores';

/**
 * Attention of some query rows of one sequence.
 * @param scratch `attentionBytes` for at least this length, a multiple of 64
 * @param q first owned query row, `nQuery` of them, the first at position `firstQuery` of its sequence
 * @param segments the location of K and V: `nSegments` times `SEGMENT_BYTES`, see `setSegment`; `nKeys` rows in all
 * @param back a query at p sees keys p − back … p + forward
 * @param ahead int32 a query: how far it sees ahead, at most `forward`; 0: all see as far as `forward`
 * @param softcap 0: none
 * @param bias added to the scores: `[nHead][2 · centre + 1]`, by query position − key position + centre; 0: none. Readable for 15 more
 * @param wide 1: tiles for 256-bit registers
 * @param int16 1: products in int16, 0: in float32
 * @param relative rows of distances, see `setRelative`; 0: none. They need equal heads and no mask
 */
export function attendSequence(
  scratch: usize, q: usize, ldq: usize, nQuery: i32, firstQuery: i32, segments: usize, nSegments: i32, nKeys: i32,
  nHead: i32, nHeadKv: i32, headSize: i32, headSizeV: i32, scale: f32, back: i32, forward: i32, ahead: usize,
  softcap: f32, bias: usize, centre: i32, y: usize, ldy: usize, wide: i32, int16: i32, relative: usize,
): void {
  const o = changetype<Params>(scratch);
  o.q = q; o.ldq = ldq; o.nQuery = nQuery; o.firstQuery = firstQuery;
  o.segments = segments; o.nSegments = nSegments; o.nKeys = nKeys;
  o.nHead = nHead; o.nHeadKv = nHeadKv; o.headSize = headSize; o.headSizeV = headSizeV;
  o.scale = scale;
  o.back = back; o.forward = forward; o.ahead = ahead;
  o.softcap = softcap;
  o.bias = bias; o.centre = centre;
  o.y = y; o.ldy = ldy;
  o.wide = wide;
  o.int16 = int16;
  o.relative = relative;
  const w = changetype<Work>(scratch + PARAMS_BYTES);
  layOut(o, w);
  const perKv = nHead / nHeadKv;
  for (let kv = 0; kv < nHeadKv; kv++) {
    if (int16) quantizeKeys(o, w, kv);
    else {
      gather(o, kv, w.firstKey, w.endKey, w.keys, w.values, w.ldv);
      if (relative) multiplyKeys(o, w, kv, w.keys, 0, w.endKey - w.firstKey);
    }
    for (let h = kv * perKv; h < (kv + 1) * perKv; h++) {
      if (int16) attendI16(o, w, h);
      else attendF32(o, w, h);
    }
  }
}
