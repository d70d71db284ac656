/**
 * @file Which forward passes give the kinds of results that are asked for: those that are parts of the rows of tokens come from one.
 */
import type { ModelOutline, Pooling, Result } from '../../models/index.ts';
import type { OutputKind } from '../types.ts';

/** What a model makes results with. */
export type OutputHeads = Pick<ModelOutline, 'sparse' | 'multi' | 'poolsHidden'>;

/** The results of the passes that together give all kinds. */
export function planPasses(kinds: readonly OutputKind[], pooling: Pooling, heads: OutputHeads): Result[] {
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
