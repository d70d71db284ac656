/**
 * @file The scales of scores: as the model gives them, logits, probabilities.
 */
import { exp, log } from '../../tensor/exact-math.ts';
import type { ModelInfo } from '../model-info.ts';
import type { ScoreScale } from '../types.ts';

const MIN_FLOAT32 = 2 ** -149;
/** The float32 before 1. */
const MAX_TANH = 1 - 2 ** -24;

/**
 * The score of one pair.
 * @param outputs of the classifier, one for each label
 */
export function score(outputs: Float32Array, scale: ScoreScale, kind: ModelInfo['rankOutputs']): number {
  if (scale === 'raw') return outputs[0];
  const isBounded = kind === 'tanh' || kind === 'cosine';
  const [first, ...others] = isBounded ? outputs.map(kind === 'cosine' ? logitOfCosine : atanh) : outputs;
  const logit = kind === 'probabilities' ? ln(first) - ln(sum(others)) : first - logSumExp(others);
  return scale === 'logit' ? logit : 1 / (1 + exp(-logit));
}

/** The logit of the probability (1 + cosine) / 2. */
function logitOfCosine(cosine: number): number {
  return 2 * atanh(cosine);
}

/** The inverse of tanh; finite even where float32 has rounded tanh to 1. */
function atanh(x: number): number {
  return Math.atanh(Math.min(MAX_TANH, Math.max(-MAX_TANH, x)));
}

/** ln Σ eˣ; 0 for no values, so that a single output is its own logit. */
function logSumExp(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const max = Math.max(...values);
  return max + log(sum(values.map((value) => exp(value - max))));
}

/** ln x; a probability that is too small for float32 counts as the smallest one, so that logits are finite. */
function ln(probability: number): number {
  return log(Math.max(probability, MIN_FLOAT32));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
