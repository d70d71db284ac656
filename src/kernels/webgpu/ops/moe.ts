/**
 * @file Mixture of experts: tokens are grouped by expert on the GPU, then each expert multiplies its own.
 */
import type { MoeOptions, StepNames, Tensor } from '../../../tensor/ops.ts';
import type { Context } from '../context.ts';
import { GpuError } from '../errors.ts';
import { grid } from '../kernel.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { matmulTile } from '../shaders/matmul-tile.wgsl.ts';
import { choose, combine, group, maxExperts } from '../shaders/moe.wgsl.ts';
import type { GpuTensor } from '../tensor.ts';
import type { Tuner } from '../tuner.ts';
import type { GpuWeight } from '../weights.ts';
import { linear, plainEpilogue } from './linear.ts';
import { glu, softmax } from './rows.ts';

/** Rows of a tile, all of one expert. */
const bm = 16;
const bn = 64;

/** `y = Σₑ p(e) · downₑ(act(upₑ x))` over the `nUsed` most probable experts; see `Ops.moe`. */
export function moe(ctx: Context, tuner: Tuner, input: Tensor, options: MoeOptions & StepNames<never>): GpuTensor {
  const x = ctx.own(input);
  const { nUsed } = options;
  const nExpert = options.router.shape[1] ?? 1;
  const nFf = options.up.shape[1] ?? 1;
  if (nExpert > maxExperts || nUsed > nExpert || nUsed < 1) {
    throw new GpuError(`moe: ${nUsed} of ${nExpert} experts (at most ${maxExperts})`);
  }
  const up = ctx.weight(options.up, x.cols, nFf, nExpert);
  const gate = options.gate === undefined ? undefined : ctx.weight(options.gate, x.cols, nFf, nExpert);
  const down = ctx.weight(options.down, nFf, x.cols, nExpert);

  const probabilities = softmax(ctx, linear(ctx, tuner, x, { weight: options.router }));
  const chosen = chooseExperts(ctx, probabilities, nExpert, nUsed, options.renormalise ?? false);
  const nPairs = x.rows * nUsed;
  const maxTiles = Math.min(nPairs, Math.floor(nPairs / bm) + nExpert);
  const tiles = ctx.record({
    op: 'moe group',
    reads: { x: chosen },
    writes: ctx.run.tensor(1, maxTiles * 3 + nPairs),
    dispatches: () => [{ kernel: group(bm), values: { rows: x.rows, nExpert, nUsed, maxTiles }, grid: [1, 1, 1] }],
  });
  const experts = (weight: GpuWeight, input: GpuTensor, activation: number, pairsPerRow: number) =>
    expertProduct(ctx, tuner, weight, input, tiles, nPairs, maxTiles, activation, pairsPerRow);

  const code = activationCode[options.activation];
  const hidden =
    gate === undefined
      ? experts(up, x, code, nUsed)
      : glu(ctx, experts(gate, x, 0, nUsed), experts(up, x, 0, nUsed), options.activation);
  const out = experts(down, hidden, 0, 1);
  return ctx.record({
    op: 'moe combine',
    options,
    reads: { x: out, w: chosen },
    writes: ctx.run.tensor(x.rows, x.cols),
    dispatches: () => [
      {
        kernel: combine,
        values: { rows: x.rows, cols: x.cols, nUsed },
        grid: grid(Math.ceil((x.rows * x.cols) / 64)),
      },
    ],
  });
}

/** `[rows, 2 nUsed]`: the experts of each token, best first, then their weights. */
function chooseExperts(ctx: Context, x: GpuTensor, nExpert: number, nUsed: number, renormalise: boolean): GpuTensor {
  const values = { rows: x.rows, nExpert, nUsed, renormalise: renormalise ? 1 : 0 };
  return ctx.record({
    op: 'moe choose',
    reads: { x },
    writes: ctx.run.tensor(x.rows, 2 * nUsed),
    dispatches: () => [{ kernel: choose, values, grid: grid(Math.ceil(x.rows / 64)) }],
  });
}

/** Row `pair` of the result: `act(W[expert of pair] · x[pair / pairsPerRow])`. */
function expertProduct(
  ctx: Context,
  tuner: Tuner,
  weight: GpuWeight,
  x: GpuTensor,
  t: GpuTensor,
  nPairs: number,
  maxTiles: number,
  activation: number,
  pairsPerRow: number,
): GpuTensor {
  const nOut = weight.shape[1] ?? 1;
  const y = ctx.run.tensor(nPairs, nOut);
  const wide = x.aligned && y.aligned;
  const kernel = matmulTile(weight.loader!.type, bm, bn, 4, 4, wide, true, tuner.style.rolled, tuner.style.halves);
  const common = { rows: nPairs, nIn: weight.rowLength, nOut, firstOut: 0, blocksPerRow: weight.blocksPerRow };
  return ctx.record({
    op: `experts ${weight.name}`,
    reads: { x, t },
    writes: y,
    dispatches: () =>
      weight.parts.map((part) => ({
        kernel,
        values: {
          ...common,
          ...plainEpilogue,
          activation,
          maxTiles,
          pairsPerRow,
          firstExpert: part.firstRow / nOut,
          endExpert: (part.firstRow + part.nRows) / nOut,
        },
        bound: part,
        grid: grid(Math.ceil(nOut / bn) * maxTiles),
      })),
  });
}
