/**
 * @file How a team divides a forward, and where its members wait for each other.
 *
 * By rows: each rank computes its own tokens through all layers. Ranks do not wait for each other, but all of them read all weights. This
 * is best for many tokens. By columns: each rank computes some columns of every product, for all tokens, so that the team reads each weight
 * once (`pieces.ts`); everything else is divided by rows. This is best for few tokens, where reading weights takes most of the time.
 */
import type { GraphTensor } from '../graph/tensor.ts';
import { evenPart } from './even-part.ts';
import { type Form, groupRows, sharesActivations } from './forms/form.ts';
import { exchanges, productOf, type WasmStep } from './steps.ts';
import type { Share } from './team.ts';
import { defaultThresholds, type Thresholds } from './thresholds.ts';

/**
 * Whether a batch of `tokens` is divided by columns.
 * @param keepBlocks weights are unpacked at each use; a team then divides the unpacking too, for any number of tokens
 */
export function splitsByColumns(
  tokens: number,
  nRanks: number,
  keepBlocks: boolean,
  { mostByColumns }: Thresholds = defaultThresholds,
): boolean {
  if (nRanks === 1) return false;
  return keepBlocks || tokens <= mostByColumns * nRanks;
}

/** Shares of whole groups of rows, which are quantised together, wherever sequences end. */
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

/** Activations in the numbers of one form. */
export interface Quantized {
  readonly source: GraphTensor;
  readonly products: Form;
}

/**
 * The steps that need a barrier before them when products are divided by columns: those that read what another rank has written since the
 * last barrier, and those that write what another rank may still be reading. A product that quantises its input has a further barrier of
 * its own, after every rank has quantised its rows (`run-linear.ts`).
 */
export function barriersBefore(steps: readonly WasmStep[]): boolean[] {
  /** Results written since the last barrier. */
  const written = new Map<GraphTensor, 'rows' | 'columns'>();
  /** The activations that are currently quantised, and whether a product has read them since the last barrier. */
  let quantized: Quantized | undefined;
  let isRead = false;
  /** Whether shared keys have been read since the last barrier (`shared-keys.ts`). */
  let isAttended = false;
  return steps.map((step) => {
    const { inputs, out } = step;
    const product = productOf(step);
    const exchange = exchanges(step);
    const [x, ...others] = inputs.map(({ base }) => base);
    const quantizes =
      product?.quantizes === true &&
      !(inputs[0] === quantized?.source && sharesActivations(product, quantized.products));
    const needsBarrier = () => {
      if (isAttended && step.op === 'attention') return true;
      if (exchange || product?.quantizes === false) return inputs.some(({ base }) => written.has(base));
      if (product === undefined) return inputs.some(({ base }) => written.get(base) === 'columns');
      if (!quantizes) return others.some((base) => written.has(base));
      return isRead || written.get(x) === 'columns' || (written.has(x) && x.space === 'sequences');
    };
    const barrier = needsBarrier();
    if (barrier || quantizes) {
      written.clear();
      isRead = false;
      isAttended = false;
    }
    if (quantizes) quantized = { source: inputs[0], products: product };
    isRead ||= product?.quantizes === true;
    isAttended ||= step.op === 'attention';
    written.set(out, product === undefined ? 'rows' : 'columns');
    return barrier;
  });
}
