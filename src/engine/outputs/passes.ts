/**
 * @file Chooses the forward passes for the kinds of vectors that a call asks for. One pass gives all kinds that are parts of the rows of tokens.
 */
import { type ModelOutline, type Pooling, type Result, rowPoolingsOf } from '../../models/index.ts';
import type { Job } from '../batching/queue.ts';
import type { InputType, OutputKind } from '../types.ts';

/** What the rows of an embedder's results depend on. */
export type OutputHeads = Pick<
  ModelOutline,
  'hparams' | 'sparse' | 'multi' | 'poolsHidden' | 'widthOf' | 'routes' | 'hasSentenceLayers'
>;

/**
 * The results of the passes that together give all kinds.
 * @param pooling of dense vectors, with the route if there are routes
 */
export function planPasses(
  kinds: readonly OutputKind[],
  pooling: Result,
  heads: Pick<OutputHeads, 'sparse' | 'multi' | 'poolsHidden'>,
): Result[] {
  const passes: Result[] = [];
  const parts: string[] = [];
  if (kinds.includes('sparse') && heads.sparse?.kind === 'token_weights') parts.push('weights');
  if (kinds.includes('multi')) parts.push('multi');
  if (kinds.includes('sparse') && heads.sparse?.kind === 'max_logits') passes.push('vocabulary');
  if (kinds.includes('dense')) {
    const isRow = heads.poolsHidden && (pooling === 'cls' || pooling === 'last');
    if (parts.length > 0 && isRow) parts.unshift('hidden');
    else passes.push(pooling);
  }
  return parts.length > 0 ? [...passes, parts.join('+') as Result] : passes;
}

/** The result of a pooling. With routes, it is that of the side of a search: the one that is given, or the default. */
export function pooledResult(
  pooling: Pooling,
  { routes }: Pick<OutputHeads, 'routes'>,
  side: InputType | undefined,
): Result {
  if (routes.length === 0 || pooling === 'none' || pooling === 'rank') return pooling;
  return `${pooling}@${side ?? routes[0]}`;
}

/** Whether a pass makes one row of each input from those of its tokens. */
export function poolsRows(result: Job['pooling']): boolean {
  return rowPoolingsOf(result.split('@')[0]).length > 0;
}
