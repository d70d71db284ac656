/**
 * @file What a token costs in a model, as far as it depends on the length of its sequence.
 */
import type { Batch } from '../../tensor/batch.ts';
import { macsPerRow } from './lower.ts';
import type { WasmStep } from './steps.ts';

/**
 * Time of a multiply-add in attention, with exponentials and short products, over that of one in a product
 * (`docs/kernels.md`: 37 and 87 GMAC/s).
 */
const slowness = 2.3;

/** The number of tokens in a sequence in which a token costs twice as much as alone. */
export function tokensThatDoubleCost(steps: readonly WasmStep[], batch: Batch): number {
  let products = 0;
  let perKey = 0;
  for (const step of steps) {
    if (step.out.space === 'sequences') continue;
    if (step.op !== 'attention') products += macsPerRow(step, batch);
    // In a window, the cost does not grow with the sequence. Half of the keys are hidden from a causal query.
    else if (step.options.window === undefined) perKey += macsPerKey(step) * (step.options.causal ? 0.5 : 1);
  }
  return perKey === 0 ? Number.POSITIVE_INFINITY : products / (slowness * perKey);
}

function macsPerKey({ options: { nHead, nHeadKv }, inputs: [q, , v] }: Extract<WasmStep, { op: 'attention' }>): number {
  return nHead * (q.cols / nHead + v.cols / nHeadKv);
}
