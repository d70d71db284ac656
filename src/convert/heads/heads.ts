/**
 * @file What a checkout has beside a dense embedder: heads that make sparse vectors or vectors of tokens, or rank.
 */
import { openBgeM3 } from './bge-m3.ts';
import { openColbert } from './colbert.ts';
import type { HeadSource, Heads } from './head-source.ts';
import { openListwise } from './listwise.ts';
import { openSplade } from './splade.ts';

const none: Heads = { tensors: [], set() {}, async close() {} };

/** @throws ConvertError for a head that cannot be converted */
export async function openHeads(source: HeadSource): Promise<Heads> {
  return (
    (await openListwise(source)) ??
    (await openColbert(source)) ??
    (await openSplade(source)) ??
    (await openBgeM3(source)) ??
    none
  );
}
