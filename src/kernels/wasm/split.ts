/**
 * @file How a team divides a forward, and where its members have to wait for each other.
 *
 * By rows: each rank computes its own tokens through all layers. Nobody waits, but everybody reads all weights: right for
 * many tokens. By columns: each rank computes the same part of the columns of every product, for all tokens, so that the team
 * reads each weight once; everything else goes by rows. Right for few tokens, where reading weights is most of the time.
 */
import type { GraphTensor } from '../graph/tensor.ts';
import { type Form, groupRows } from './forms/form.ts';
import { exchanges, productOf, type WasmStep } from './steps.ts';
import type { Share } from './team.ts';

/** Tokens a rank for which dividing products by columns is worth the barriersBefore: with fewer they cost more than they save, with more no rank waits for weights. */
const [fewest, most] = [12, 48];

/**
 * Whether a batch of `tokens` is divided by columns.
 * @param keepBlocks weights are unpacked at each use: then a team divides that too, however many tokens there are
 */
export function splitsByColumns(tokens: number, nRanks: number, keepBlocks: boolean): boolean {
  return nRanks > 1 && (keepBlocks || (tokens >= fewest * nRanks && tokens <= most * nRanks));
}

/** The part [begin, end) of `n` things that a rank gets. */
export function evenPart(n: number, rank: number, nRanks: number): [begin: number, end: number] {
  return [Math.floor((n * rank) / nRanks), Math.floor((n * (rank + 1)) / nRanks)];
}

/** Shares of whole groups, which are quantised together, wherever sequences end. */
export function shareGroups(offsets: Int32Array, nRanks: number): Share[] {
  const nSeq = offsets.length - 1;
  const nTokens = offsets[nSeq];
  let sequences = 0;
  return Array.from({ length: nRanks }, (_, rank) => {
    const [tokens, tokensEnd] = evenPart(Math.ceil(nTokens / groupRows), rank, nRanks).map((group) =>
      Math.min(nTokens, group * groupRows),
    );
    const first = sequences;
    while (sequences < nSeq && offsets[sequences] < tokensEnd) sequences++;
    return { tokens, tokensEnd, sequences: first, sequencesEnd: sequences };
  });
}

/** Activations in the numbers of one form of products. */
export interface Quantized {
  readonly source: GraphTensor;
  readonly products: Form;
}

/**
 * Before which steps there is a barrier when products are divided by columns: where a step reads what another rank has written since
 * the last one, or writes where another may still be reading. A product that has to quantise its input has one more of its own, when every
 * rank has quantised its rows (`run-linear.ts`).
 */
export function barriersBefore(steps: readonly WasmStep[]): boolean[] {
  /** Results since the last barrier. */
  const written = new Map<GraphTensor, 'rows' | 'columns'>();
  /** What lies quantised, and whether a product since the last barrier reads it. */
  let quantized: Quantized | undefined;
  let isRead = false;
  return steps.map((step) => {
    const { inputs, out } = step;
    const product = productOf(step);
    const exchange = exchanges(step);
    const [x, ...others] = inputs.map(({ base }) => base);
    const quantizes =
      product?.quantizes === true && !(inputs[0] === quantized?.source && product === quantized.products);
    const needsBarrier = () => {
      if (exchange || product?.quantizes === false) return inputs.some(({ base }) => written.has(base));
      if (product === undefined) return inputs.some(({ base }) => written.get(base) === 'columns');
      if (!quantizes) return others.some((base) => written.has(base));
      return isRead || written.get(x) === 'columns' || (written.has(x) && x.space === 'sequences');
    };
    const barrier = needsBarrier();
    if (barrier || quantizes) {
      written.clear();
      isRead = false;
    }
    if (quantizes) quantized = { source: inputs[0], products: product };
    isRead ||= product?.quantizes === true;
    written.set(out, product === undefined ? 'rows' : 'columns');
    return barrier;
  });
}
