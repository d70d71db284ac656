/**
 * @file Lowers each recorded step to calls of kernels: addresses and strides of this rank's rows, and the scratch that the kernels need.
 */

import type { Batch } from '../../tensor/batch.ts';
import { spansOf } from '../../tensor/batch-rows.ts';
import { isRare } from '../../tensor/element-functions.ts';
import type { Step, StepOf } from '../graph/step.ts';
import { activationCodes, type Kernels } from './kernels.ts';
import { attend, attentionScratchBytes } from './run-attention.ts';
import { embeddingScratch, runEmbedding } from './run-embedding.ts';
import { runGiven } from './run-given.ts';
import { linearScratch, multiply, multiplyTogether, quantizedBytes } from './run-linear.ts';
import { moeScratch, runMoe } from './run-moe.ts';
import { runPool } from './run-pool.ts';
import { runRareActivation } from './run-rare-activation.ts';
import { fillRopeTable, ropeScratch } from './run-rope.ts';
import { runShortConv, shortConvScratch } from './run-short-conv.ts';
import { runUnfold } from './run-unfold.ts';
import { type Runtime, rowsOf } from './runtime.ts';
import { placeSharedKeys, type Sharing } from './shared-keys.ts';
import type { WasmStep } from './steps.ts';
import type { WasmWeight } from './weights.ts';

type Op = Step['op'];
type Of<O extends Op> = StepOf<O, WasmWeight>;

/** What the size of a step's scratch depends on besides the step. */
export interface ScratchOf {
  readonly kernels: Kernels;
  /** Rows of the result that belong to the rank. */
  readonly rows: number;
  readonly batch: Batch;
  readonly nRanks: number;
  /** Attention stays in float32. */
  readonly exact: boolean;
}

/** What decides which keys ranks share. */
type SharingOf = Omit<Sharing, 'offsets'> & { readonly batch: Batch };

interface Lowering<S> {
  /**
   * @param pauses whether a long operation stops where others may have the thread
   * @returns what is left to do, if it stops
   */
  run(rt: Runtime, step: S, pauses: boolean): Generator<void, void> | void;
  /** Bytes of scratch of one rank. */
  scratch?(step: S, of: ScratchOf): number;
  /** Bytes of scratch that the ranks share where products are divided by columns. */
  shared?(step: S, batch: Batch): number;
  /** Multiply-adds a row of the result, for the profile. */
  macs?(step: S, batch: Batch): number;
}

const embedding: Lowering<Of<'embedding'>> = {
  scratch: (step, { rows }) => embeddingScratch(step, rows),
  run: (rt, step) => runEmbedding(rt, step),
};

const linear: Lowering<Of<'linear'>> = {
  scratch: ({ parts }, { rows }) => Math.max(...parts.map(({ weight }) => linearScratch(weight, rows))),
  shared: ({ parts, inputs: [x] }, batch) => quantizedBytes(parts[0].weight, rowsOf(x, batch)),
  macs: ({ parts }) => parts.reduce((sum, { weight }) => sum + weight.k * weight.n, 0),
  run(rt, { parts, activation, inputs: [x, residual], out }) {
    const { pieces } = rt.division;
    const byColumns = pieces !== undefined;
    const rank = byColumns ? 0 : rt.rank;
    let c = rt.address(out, rank);
    for (const { weight: w, bias, scale } of parts) {
      const product = {
        a: rt.address(x, rank),
        lda: rt.stride(x),
        rows: byColumns ? rt.allRows(x) : rt.rows(x),
        w,
        matrix: 0,
        bias: bias?.address ?? 0,
        factor: scale === undefined ? 1 : rt.memory.f32[scale.address / 4],
        c,
        ldc: rt.stride(out),
        activation: activation === undefined ? 0 : activationCodes[activation],
        residual: residual === undefined ? 0 : rt.address(residual, rank),
        ldr: residual === undefined ? 0 : rt.stride(residual),
        scratch: rt.scratch,
      };
      if (byColumns) multiplyTogether(rt, product, x, pieces);
      else multiply(rt, product, x);
      c += w.n * 4;
    }
  },
};

const norm: Lowering<Of<'norm'>> = {
  run(rt, { weight, bias, kind, eps, groups, hasResidual, inputs: [x, residual], out }) {
    rt.kernels.normRows({
      x: rt.address(x),
      ldx: rt.stride(x),
      residual: hasResidual ? rt.address(residual) : 0,
      ldr: hasResidual ? rt.stride(residual) : 0,
      weight: weight.address,
      bias: bias?.address ?? 0,
      y: rt.address(out),
      ldy: rt.stride(out),
      rows: rt.rows(out),
      groups,
      n: x.cols / groups,
      eps,
      rms: kind === 'rms' ? 1 : 0,
    });
  },
};

const rotation: Lowering<Of<'rotation'>> = {
  scratch: ({ options }, { rows }) => ropeScratch(options, rows),
  run: (rt, { out, options }) => fillRopeTable(rt, out, options),
};

const rope: Lowering<Of<'rope'>> = {
  run(rt, { inputs: [x, table], out, options: { nHead, nRot, kind } }) {
    rt.kernels.ropeRows({
      x: rt.address(x),
      ldx: rt.stride(x),
      y: rt.address(out),
      ldy: rt.stride(out),
      table: rt.address(table),
      ldt: rt.stride(table),
      rows: rt.rows(out),
      nHead,
      headSize: x.cols / nHead,
      nPairs: nRot / 2,
      neox: kind === 'neox' ? 1 : 0,
    });
  },
};

const attention: Lowering<Of<'attention'>> = {
  scratch({ options, inputs: [q, , v] }, { kernels, batch, nRanks, exact }) {
    const [headSize, headSizeV] = [q.cols / options.nHead, v.cols / options.nHeadKv];
    return attentionScratchBytes(kernels, options, headSize, headSizeV, spansOf(batch, options), nRanks, exact);
  },
  macs({ options, inputs: [q, , v] }, batch) {
    const { nHead, nHeadKv } = options;
    const offsets = spansOf(batch, options);
    let squares = 0;
    for (let s = 0; s + 1 < offsets.length; s++) squares += (offsets[s + 1] - offsets[s]) ** 2;
    return (squares / offsets[offsets.length - 1]) * nHead * (q.cols / nHead + v.cols / nHeadKv);
  },
  run: attend,
};

const shortConv: Lowering<Of<'shortConv'>> = {
  scratch: ({ kernel }, { rows }) => shortConvScratch(kernel, rows),
  macs: ({ kernel }) => kernel.k * kernel.n,
  run: (rt, step) => runShortConv(rt, step),
};

const unfold: Lowering<Of<'unfold'>> = {
  run: (rt, step) => runUnfold(rt, step),
};

const glu: Lowering<Of<'glu'>> = {
  run(rt, { inputs: [a, b], out, activation }) {
    rt.kernels.gluRows({
      gate: rt.address(a),
      ldg: rt.stride(a),
      up: rt.address(b),
      ldu: rt.stride(b),
      y: rt.address(out),
      ldy: rt.stride(out),
      rows: rt.rows(out),
      cols: out.cols,
      activation: activationCodes[activation],
    });
  },
};

const moe: Lowering<Of<'moe'>> = {
  scratch: ({ options, inputs: [x] }, { rows }) => moeScratch(options, x.cols, rows),
  macs({ options: { router, up, gate, nUsed }, inputs: [x] }) {
    const [nExpert, nFf] = [router.shape[1] ?? 1, up.shape[1] ?? 1];
    return x.cols * (nExpert + nUsed * nFf * (gate === undefined ? 2 : 3));
  },
  run: (rt, { inputs: [x], out, options }) => runMoe(rt, x, out, options),
};

const add: Lowering<Of<'add'>> = {
  run(rt, { inputs: [a, b], out, factor = 1 }) {
    rt.kernels.addScaledRows({
      a: rt.address(a),
      lda: rt.stride(a),
      b: rt.address(b),
      ldb: rt.stride(b),
      y: rt.address(out),
      ldy: rt.stride(out),
      rows: rt.rows(out),
      cols: out.cols,
      factor,
    });
  },
};

const activate: Lowering<Of<'activate'>> = {
  run(rt, { inputs: [x], out, activation }) {
    if (isRare(activation)) {
      runRareActivation(rt, x, out, activation);
      return;
    }
    rt.kernels.activateRows({
      x: rt.address(x),
      ldx: rt.stride(x),
      y: rt.address(out),
      ldy: rt.stride(out),
      rows: rt.rows(out),
      cols: out.cols,
      activation: activationCodes[activation],
    });
  },
};

const softmax: Lowering<Of<'softmax'>> = {
  run(rt, { inputs: [x], out }) {
    rt.kernels.softmaxRows({
      x: rt.address(x),
      ldx: rt.stride(x),
      y: rt.address(out),
      ldy: rt.stride(out),
      rows: rt.rows(out),
      n: out.cols,
    });
  },
};

const given: Lowering<Of<'given'>> = {
  run: (rt, step) => runGiven(rt, step),
};

const concat: Lowering<Of<'concat'>> = {
  run(rt, { inputs, out }) {
    let y = rt.address(out);
    for (const x of inputs) {
      const { cols } = x;
      rt.kernels.copyRows({ x: rt.address(x), ldx: rt.stride(x), y, ldy: rt.stride(out), rows: rt.rows(out), cols });
      y += cols * 4;
    }
  },
};

const pool: Lowering<Of<'pool'>> = {
  run: (rt, { inputs: [x], out, kind }) => runPool(rt, x, out, kind),
};

const lowerings: { readonly [O in Op]: Lowering<Of<O>> } = {
  embedding,
  linear,
  norm,
  rotation,
  rope,
  attention,
  shortConv,
  unfold,
  glu,
  moe,
  add,
  activate,
  softmax,
  given,
  concat,
  pool,
};

function loweringOf({ op }: WasmStep): Lowering<WasmStep> {
  return lowerings[op] as Lowering<WasmStep>;
}

const nothing: readonly undefined[] = [];

/** Computes this rank's part of a step. Returns what is left to do, if it `pauses` where others may have the thread. */
export function runStep(rt: Runtime, step: WasmStep, pauses: boolean): Iterable<void> {
  return loweringOf(step).run(rt, step, pauses) ?? nothing;
}

/** Bytes of scratch that a rank needs for a step. */
export function scratchBytes(step: WasmStep, of: ScratchOf): number {
  return loweringOf(step).scratch?.(step, of) ?? 0;
}

/** Bytes of scratch that the ranks share for a step where products are divided by columns. */
export function sharedScratchBytes(step: WasmStep, batch: Batch): number {
  return loweringOf(step).shared?.(step, batch) ?? 0;
}

/** Bytes of keys and values that the ranks share in a step. */
export function sharedKeyBytes(step: WasmStep, { batch, ...of }: SharingOf): number {
  return step.op === 'attention' ? placeSharedKeys(step, { ...of, offsets: spansOf(batch, step.options) }, 0).end : 0;
}

/** Multiply-adds of a step for each row of its result. */
export function macsPerRow(step: WasmStep, batch: Batch): number {
  return loweringOf(step).macs?.(step, batch) ?? 0;
}
