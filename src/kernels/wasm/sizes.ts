/**
 * @file How the ranks divide a batch, and the scratch that its steps need. Both depend on the lengths of the sequences and not on their tokens,
 * so a plan that is carried out again keeps them for the next batch of the same lengths.
 */
import type { Batch } from '../../tensor/batch.ts';
import type { Kernels } from './kernels.ts';
import { scratchBytes, sharedKeyBytes, sharedScratchBytes } from './lower.ts';
import type { Scratch } from './runtime.ts';
import { shareGroups } from './split.ts';
import type { WasmStep } from './steps.ts';
import { paddedRows, type Strips } from './strips.ts';
import { type Share, sequencesAreSplit, shareRows } from './team.ts';

/** What sizes depend on besides the batch. */
export interface SizesOf {
  readonly kernels: Kernels;
  readonly todo: readonly WasmStep[];
  readonly strips: Strips;
  /** The number of tokens of a sequence in which a token costs twice as much as alone. */
  readonly doubling: number;
  /** How much each rank gets of rows, in any unit (`speeds.ts`). */
  readonly parts: readonly number[];
  readonly byColumns: boolean;
  /** Attention stays in float32. */
  readonly exact: boolean;
}

/** The division of a batch and its scratch. */
export interface Sizes extends Omit<Scratch, 'results'> {
  readonly shares: readonly Share[];
  /** Ranks read what others have written. */
  readonly isDivided: boolean;
}

/** The sizes of `batch`. */
export function sizesOf(batch: Batch, { kernels, todo, strips, doubling, parts, byColumns, exact }: SizesOf): Sizes {
  const nRanks = parts.length;
  const { offsets, spans } = batch;
  const shares = byColumns ? shareGroups(offsets, nRanks) : shareRows(offsets, parts, doubling);
  const most = (bytes: (step: WasmStep) => number) => todo.reduce((found, step) => Math.max(found, bytes(step)), 0);
  const own = shares.map(({ tokens, tokensEnd, sequences, sequencesEnd }) => {
    const all = { tokens: tokensEnd - tokens, sequences: sequencesEnd - sequences };
    const inStrip = paddedRows(all.tokens, strips.count) / strips.count;
    return most((step) => {
      const rows = strips.steps.has(step) ? inStrip : all[step.out.space];
      return scratchBytes(step, { kernels, rows, batch, nRanks, exact });
    });
  });
  return {
    shares,
    own,
    shared: byColumns ? most((step) => sharedScratchBytes(step, batch)) : 0,
    sharedKeys: most((step) => sharedKeyBytes(step, { kernels, batch, shares, exact })),
    isDivided: byColumns || [offsets, ...Object.values(spans ?? {})].some((ends) => sequencesAreSplit(ends, shares)),
  };
}

/** Keeps the sizes of the last plain batch. */
export class LastSizes {
  #last: { readonly offsets: Int32Array; readonly parts: readonly number[]; readonly sizes: Sizes } | undefined;

  /** The sizes of a plain batch. Between calls, only the batch and `parts` may change. */
  of(batch: Batch, of: SizesOf): Sizes {
    const { offsets } = batch;
    const last = this.#last;
    if (last !== undefined && equal(last.parts, of.parts) && equal(last.offsets, offsets)) return last.sizes;
    const sizes = sizesOf(batch, of);
    this.#last = { offsets: offsets.slice(), parts: of.parts, sizes };
    return sizes;
  }
}

function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
