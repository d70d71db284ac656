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
import { KEY_BLOCK_I16, PARAMS_BYTES, Params, Work, layOut, placeHead } from './attention-layout';
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
 * @param quantized int16: what `quantizeSequence` has made of all keys and values; 0: they are quantised here
 */
export function attendSequence(
  scratch: usize, q: usize, ldq: usize, nQuery: i32, firstQuery: i32, segments: usize, nSegments: i32, nKeys: i32,
  nHead: i32, nHeadKv: i32, headSize: i32, headSizeV: i32, scale: f32, back: i32, forward: i32, ahead: usize,
  softcap: f32, bias: usize, centre: i32, y: usize, ldy: usize, wide: i32, int16: i32, relative: usize,
  quantized: usize,
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
  o.quantized = quantized;
  const w = changetype<Work>(scratch + PARAMS_BYTES);
  layOut(o, w);
  const perKv = nHead / nHeadKv;
  for (let kv = 0; kv < nHeadKv; kv++) {
    if (quantized) placeHead(o, w, kv);
    else if (int16) quantizeKeys(o, w, kv, 0, w.endKey - w.firstKey);
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

/**
 * Keys and values of a sequence in int16 for `attendSequence`: parts [begin, end) of `nHeadKv` times the blocks of 128 keys, head by head.
 * Ranks divide the parts among them.
 * @param scratch `attentionBytes` for at least this length, a multiple of 64
 * @param segments as in `attendSequence`
 * @param quantized `nHeadKv` times `quantizedHeadBytes`, a multiple of 64
 */
export function quantizeSequence(
  scratch: usize, segments: usize, nSegments: i32, nKeys: i32, nHeadKv: i32, headSize: i32, headSizeV: i32, quantized: usize,
  begin: i32, end: i32,
): void {
  const o = changetype<Params>(scratch);
  o.nQuery = nKeys; o.firstQuery = 0;
  o.segments = segments; o.nSegments = nSegments; o.nKeys = nKeys;
  o.nHeadKv = nHeadKv; o.headSize = headSize; o.headSizeV = headSizeV;
  o.back = nKeys; o.forward = nKeys;
  o.int16 = 1;
  o.relative = 0;
  o.quantized = quantized;
  const w = changetype<Work>(scratch + PARAMS_BYTES);
  layOut(o, w);
  const nBlocks = (nKeys + KEY_BLOCK_I16 - 1) / KEY_BLOCK_I16;
  for (let part = begin; part < end; part++) {
    const kv = part / nBlocks, from = (part % nBlocks) * KEY_BLOCK_I16;
    placeHead(o, w, kv);
    quantizeKeys(o, w, kv, from, min(nKeys, from + KEY_BLOCK_I16));
  }
}
