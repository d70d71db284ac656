/**
 * @file Keys and values of sequences whose rows are on several ranks. Each of these ranks needs all keys in int16, so the ranks quantise them
 * once, together, where all can read them.
 */
import type { StepOf } from '../graph/step.ts';
import type { Address, Kernels } from './kernels.ts';
import type { Share } from './team.ts';

/** Sequences from this many tokens on are attended in int16, except at `exact`. For shorter ones, quantising costs as much as it saves. */
const int16Keys = 128;

/** Keys that one part of the work is: V has scales for each such block. */
export const blockKeys = 128;

/** Whether a sequence of this length is attended in int16: 1 or 0. */
export function usesInt16(nKeys: number, exact: boolean): number {
  return !exact && nKeys >= int16Keys ? 1 : 0;
}

/** What decides which sequences have shared keys, and where. */
export interface Sharing {
  readonly kernels: Kernels;
  /** First rows of the sequences, or of the spans within which tokens attend, and the end. */
  readonly offsets: Int32Array;
  readonly shares: readonly Share[];
  readonly exact: boolean;
}

/**
 * Places the shared keys of each sequence from `begin` on; the same on every rank.
 * @returns addresses by the number of the sequence, and the end
 */
export function placeSharedKeys(
  { inputs: [q, , v], options: { nHead, nHeadKv, disentangled } }: StepOf<'attention'>,
  { kernels, offsets, shares, exact }: Sharing,
  begin: Address,
): { readonly places: ReadonlyMap<number, Address>; readonly end: Address } {
  const places = new Map<number, Address>();
  let end = begin;
  if (shares.length === 1 || disentangled !== undefined) return { places, end };
  const [headSize, headSizeV] = [q.cols / nHead, v.cols / nHeadKv];
  for (let s = 0; s + 1 < offsets.length; s++) {
    const nKeys = offsets[s + 1] - offsets[s];
    if (usesInt16(nKeys, exact) === 0 || !isDivided(offsets[s], offsets[s + 1], shares)) continue;
    places.set(s, end);
    end += nHeadKv * kernels.quantizedHeadBytes({ nKeys, headSize, headSizeV });
  }
  return { places, end };
}

/** Whether the rows [begin, end) are on more than one rank. */
function isDivided(begin: number, end: number, shares: readonly Share[]): boolean {
  return shares.some(({ tokensEnd }) => tokensEnd > begin && tokensEnd < end);
}
