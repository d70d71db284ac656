/**
 * @file The kinds of pooling, by the names that files and users give them, and what else a forward pass can return.
 */
import type { PoolKind } from '../tensor/ops.ts';

/** Kinds of pooling that files number: `pooling_type` is an index into these. */
export const numberedPoolings = ['none', 'mean', 'cls', 'last', 'rank'] as const satisfies readonly (
  | PoolKind
  | 'rank'
)[];

/** How the rows of a text become one. */
export const rowPoolings = [
  'mean',
  'cls',
  'last',
  'max',
  'weighted-mean',
  'mean-sqrt-len',
] as const satisfies readonly PoolKind[];
export type RowPooling = (typeof rowPoolings)[number];

/**
 * A kind of pooling. `rank` runs the classifier head; several kinds joined by `+`, as `cls+mean`, are put side by side.
 */
export type Pooling = 'none' | 'rank' | RowPooling | `${RowPooling}+${string}`;

/** The names of single kinds, those of llama.cpp first. */
export const poolingTypes = [...numberedPoolings, 'max', 'weighted-mean', 'mean-sqrt-len'] as const;

/** What a pooling in options may be; completes "must be". */
export const POOLING_FORMS = `one of ${poolingTypes.join(', ')}, or several of ${rowPoolings.join(', ')} joined by +`;

/** The parts of a pooling that makes one row of each text; none for `none` and `rank`. */
export function rowPoolingsOf(pooling: string): readonly RowPooling[] {
  return pooling.split('+').filter(isRowPooling);
}

/** Whether a value is a pooling. No kind occurs twice in it. */
export function isPooling(value: unknown): value is Pooling {
  if (value === 'none' || value === 'rank') return true;
  if (typeof value !== 'string') return false;
  const parts = value.split('+');
  return parts.every(isRowPooling) && new Set(parts).size === parts.length;
}

function isRowPooling(name: string): name is RowPooling {
  return (rowPoolings as readonly string[]).includes(name);
}

/** Sides of a search that layers over pooled vectors may differ for. */
export const routes = ['query', 'document'] as const;
export type Route = (typeof routes)[number];

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

/**
 * What a forward pass returns. `vocabulary`: the largest logit of each token of the vocabulary, in each sequence. A pooling with `@` and the
 * name of a route goes through the layers of that route.
 */
export type Result = Pooling | `${Pooling}@${Route}` | 'vocabulary' | TokenResult;

/** Whether a result consists of parts of the rows of tokens. */
export function isTokenResult(result: Result): result is TokenResult {
  return (tokenResults as readonly Result[]).includes(result);
}
