/**
 * @file The kinds of pooling, by the names that files and users give them, and what else a forward pass can return.
 */
import type { PoolKind } from '../tensor/ops.ts';

/** Kinds of pooling; `pooling_type` in a file is an index into these. */
export const poolingTypes = ['none', 'mean', 'cls', 'last', 'rank'] as const satisfies readonly (PoolKind | 'rank')[];

/** A kind of pooling; `rank` runs the classifier head. */
export type Pooling = (typeof poolingTypes)[number];

/** What a pass returns of each token, side by side: its hidden state, its weight in a sparse vector, its vector for late interaction. */
const tokenResults = [
  'weights',
  'multi',
  'weights+multi',
  'hidden+weights',
  'hidden+multi',
  'hidden+weights+multi',
] as const;

/** Parts of the rows of tokens, joined by `+`. */
export type TokenResult = (typeof tokenResults)[number];

/** What a forward pass returns. `vocabulary`: the largest logit of each token of the vocabulary, in each sequence. */
export type Result = Pooling | 'vocabulary' | TokenResult;

/** Whether a result consists of parts of the rows of tokens. */
export function isTokenResult(result: Result): result is TokenResult {
  return (tokenResults as readonly Result[]).includes(result);
}
