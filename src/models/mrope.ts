/**
 * @file M-RoPE (Wang et al. 2024): rotates pairs of a head by the time, the row or the column of a token. In a text, all three are its position.
 */
import type { RopeCoordinates } from '../tensor/ops.ts';
import type { WeightLoader } from './weights.ts';

/**
 * Reads `rope.dimension_sections`: the number of pairs that each coordinate rotates.
 * @throws ModelError unless there are four numbers, not all of them 0
 */
export function readSections({ keys }: WeightLoader, kind: RopeCoordinates['kind']): RopeCoordinates {
  const sizes = keys.counts('rope.dimension_sections', 4);
  if (sizes.every((size) => size === 0)) throw keys.error('rope.dimension_sections', 'is 0 throughout');
  return { kind, sizes };
}
