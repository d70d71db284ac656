/**
 * @file Which models rank.
 */
import type { ModelInfo } from '../model-info.ts';

/** Whether a model ranks: it is loaded as a cross-encoder, or has vectors of tokens. */
export function canRank({ pooling, maxSim }: Pick<ModelInfo, 'pooling' | 'maxSim'>): boolean {
  return pooling === 'rank' || maxSim !== undefined;
}
