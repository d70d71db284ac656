/**
 * @file Makes sparse vectors of what a forward pass returns, or, for queries that need no forward pass, of their tokens.
 */
import type { SparseSettings } from '../../models/index.ts';
import { log } from '../../tensor/exact-math.ts';
import type { Vocab } from '../../tokenizer/vocab.ts';
import type { SparseVector } from '../types.ts';

/** The ids of the special tokens that the settings leave out. */
export function droppedTokens({ bos, eos, sep, pad, unk, mask }: Vocab, settings: SparseSettings): Set<number> {
  if (!settings.dropSpecial) return new Set();
  // BGE-M3 keeps the weight of a mask that is in the text.
  const ids = [bos, eos, sep, pad, unk, settings.kind === 'max_logits' ? mask : undefined];
  return new Set(ids.filter((id) => id !== undefined));
}

/** @param entries the id and the logit of each token with a positive one, by ascending id */
export function sparseOfLogits(
  entries: Float32Array,
  { activation }: SparseSettings,
  dropped: ReadonlySet<number>,
): SparseVector {
  const found = new Map<number, number>();
  for (let i = 0; i < entries.length; i += 2) {
    if (dropped.has(entries[i])) continue;
    const once = log1p(entries[i + 1]);
    found.set(entries[i], activation === 'log1p' ? once : log1p(once));
  }
  return vectorOf(found);
}

/** The largest weight of each token of a text. */
export function sparseOfWeights(ids: Int32Array, weights: Float32Array, dropped: ReadonlySet<number>): SparseVector {
  const found = new Map<number, number>();
  for (const [i, id] of ids.entries()) {
    if (!dropped.has(id) && weights[i] > (found.get(id) ?? 0)) found.set(id, weights[i]);
  }
  return vectorOf(found);
}

/** The weights of the tokens of a query; those that are put around a text do not count. */
export function sparseOfQuery(
  ids: Int32Array,
  weights: Float32Array,
  { bos, eos, sep, pad }: Vocab,
  dropped: ReadonlySet<number>,
): SparseVector {
  const around = new Set([bos, eos, sep, pad]);
  const found = new Map<number, number>();
  for (const id of ids) if (weights[id] !== 0 && !around.has(id) && !dropped.has(id)) found.set(id, weights[id]);
  return vectorOf(found);
}

function vectorOf(weights: ReadonlyMap<number, number>): SparseVector {
  const indices = Int32Array.from(weights.keys()).sort();
  return { indices, values: Float32Array.from(indices, (id) => weights.get(id)!) };
}

/** ln(1 + x) for x ≥ 0, the same bits in every runtime. */
function log1p(x: number): number {
  return x < 1e-8 ? x : log(1 + x);
}
