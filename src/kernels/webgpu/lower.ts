/**
 * @file Lowers each recorded step to launches of kernels.
 */
import type { Step, StepOf } from '../graph/step.ts';
import type { Forward } from './forward.ts';
import { attention } from './ops/attention.ts';
import { linear } from './ops/linear.ts';
import { moe } from './ops/moe.ts';
import { norm } from './ops/norm.ts';
import type { RopeTables } from './ops/rope.ts';
import { concat, embedding, given, pairwise, pool, shortConv, softmax, unfold } from './ops/rows.ts';
import type { Tuner } from './tuner.ts';
import type { GpuWeight } from './weights.ts';

type Op = Step['op'];

const lowerings: { readonly [O in Op]: (fw: Forward, step: StepOf<O, GpuWeight>, shared: Shared) => void } = {
  embedding,
  linear: (fw, step, { tuner }) => linear(fw, tuner, step),
  norm: (fw, step, { tables, tuner }) => norm(fw, tables, tuner.style, step),
  rotation: (fw, step, { tables }) => tables.rotation(fw, step),
  rope: (fw, step, { tables, tuner }) => tables.rope(fw, tuner.style, step),
  attention: (fw, step, { tuner }) => attention(fw, tuner, step),
  shortConv,
  unfold,
  glu: pairwise,
  moe: (fw, step, { tuner }) => moe(fw, tuner, step),
  add: pairwise,
  activate: pairwise,
  softmax,
  given,
  concat,
  pool,
};

/** What all forwards of a backend share. */
interface Shared {
  readonly tuner: Tuner;
  readonly tables: RopeTables;
}

/** Adds the launches of `step` to `fw`. */
export function lower(fw: Forward, step: Step<GpuWeight>, shared: Shared): void {
  const lowering = lowerings[step.op] as (fw: Forward, step: Step<GpuWeight>, shared: Shared) => void;
  lowering(fw, step, shared);
}
