/**
 * @file Why two traces may differ: the known differences between this program and llama.cpp, or between two backends.
 */
import type { Trace } from '../../engine/index.ts';
import type { StepDifference } from './difference.ts';
import type { RecordedTrace } from './recorded.ts';

/** The input of the guess. */
export interface Difference {
  readonly trace: Trace;
  readonly recorded: RecordedTrace;
  /** In the order of the forward. */
  readonly steps: readonly StepDifference[];
  /** The first step beyond the tolerance. */
  readonly first: StepDifference;
  readonly tolerance: number;
}

/** Twice the largest relative error of a rounding to 16 bits: one rounding of the input, one of the result. */
const F16_ROUNDING = 2 ** -10;
/** The error of values rounded to 8 bits, relative to the largest of their block. Sums of them have smaller errors. */
const EIGHT_BITS = 0.05;

const gelu = /^ffn_(gelu|geglu)(-|$)/;
const attention = /^(kq|kq_soft_max|kqv_out|kqv|__fattn__)(-|$)/;
const product =
  /^(Qcur|Kcur|Vcur|wqkv|wqkv_b|kqv_out|attn_out|ffn_inp|ffn_up|ffn_up_b|ffn_gate|ffn_gate_b|ffn_out|ffn_down)(-|$)/;

/** The tolerance that covers the arithmetic of both sides: float32 on both, 14 to 16 bits, or 8 bits in products. */
export function defaultTolerance(trace: Trace, recorded: RecordedTrace): number {
  if (roundsTo8Bits(trace, recorded)) return 0.05;
  return trace.info.precision === 'high' || recorded.precision === 'high' ? 0.005 : 1e-4;
}

/** The likely cause of the first difference as a sentence; `undefined` if none is known. */
export function likelyCause(difference: Difference): string | undefined {
  return causes.find(({ fits }) => fits(difference))?.says(difference);
}

interface Cause {
  fits(difference: Difference): boolean;
  says(difference: Difference): string;
}

const causes: readonly Cause[] = [
  {
    fits: ({ first }) => !Number.isFinite(first.largest),
    says: () =>
      'one side has a value that is infinite or not a number: this step overflowed, or its input was already damaged',
  },
  {
    fits: ({ first }) => first.cosine > 1 - 1e-6 && Math.abs(first.factor - 1) > 0.01,
    says: ({ first }) =>
      `the values differ by a factor of ${first.factor.toPrecision(4)}: one side scales in this step, the other in another step`,
  },
  {
    fits: ({ recorded, first }) =>
      recorded.madeBy === 'llama.cpp' && gelu.test(first.name) && first.relative <= 2 * F16_ROUNDING,
    says: () => 'llama.cpp looks GELU up in a table of 16-bit floats',
  },
  {
    fits: ({ recorded, first }) =>
      recorded.madeBy === 'llama.cpp' && attention.test(first.name) && first.relative <= 8 * F16_ROUNDING,
    says: () => 'llama.cpp stores keys and values as 16-bit floats',
  },
  {
    fits: ({ first }) => /^ffn_moe_out(-|$)/.test(first.name) && isSomeRows(first),
    says: ({ first }) =>
      `only the tokens ${first.rows.join(', ')} differ: another expert was chosen for them, most likely on a near tie`,
  },
  {
    fits: ({ trace, recorded, first }) =>
      product.test(first.name) && first.relative <= EIGHT_BITS && roundsTo8Bits(trace, recorded),
    says: () => 'this product rounds its input to 8 bits on one side',
  },
  {
    fits: ({ steps, first, tolerance }) => {
      const before = steps[steps.indexOf(first) - 1];
      return before !== undefined && before.relative > tolerance / 4 && first.relative < 4 * before.relative;
    },
    says: () => 'no step stands out: small differences of earlier steps add up',
  },
];

function isSomeRows({ rows, shape }: StepDifference): boolean {
  return rows.length > 0 && rows.length <= shape[0] / 2;
}

/** llama.cpp does so for every quantised matrix. */
function roundsTo8Bits({ info }: Trace, { madeBy, precision }: RecordedTrace): boolean {
  if (info.precision === 'fast' || precision === 'fast') return true;
  return madeBy === 'llama.cpp' && !/^(all )?(F32|F16|BF16)/.test(info.ftype);
}
