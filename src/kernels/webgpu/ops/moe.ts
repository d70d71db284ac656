/**
 * @file Mixture of experts: tokens are grouped by expert on the GPU, then each expert multiplies its tokens.
 */
import type { MoeStep } from '../../graph/step.ts';
import { ownWeight } from '../context.ts';
import { GpuError } from '../errors.ts';
import type { Forward } from '../forward.ts';
import { grid } from '../kernel.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { matmulTile } from '../shaders/matmul-tile.wgsl.ts';
import { choose, combine, group, maxExperts } from '../shaders/moe.wgsl.ts';
import { plainEpilogue } from '../strategies.ts';
import { type GpuTensor, labelOf } from '../tensor.ts';
import type { Tuner } from '../tuner.ts';
import type { GpuWeight } from '../weights.ts';
import { product } from './linear.ts';
import { elementByElement, softmaxOf } from './rows.ts';

/** Rows of a tile, all of one expert. */
const bm = 16;
const bn = 64;

/** `y = Σₑ p(e) · downₑ(act(upₑ x))` over the `nUsed` most probable experts. */
export function moe(fw: Forward, tuner: Tuner, step: MoeStep): void {
  const x = fw.of(step.inputs[0]);
  const { nUsed, activation, renormalise = false } = step.options;
  const [router, up, down] = [step.options.router, step.options.up, step.options.down].map(ownWeight);
  const gate = step.options.gate === undefined ? undefined : ownWeight(step.options.gate);
  const nExpert = router.nRows;
  if (nExpert > maxExperts) throw new GpuError(`moe: ${nUsed} of ${nExpert} experts (at most ${maxExperts})`);

  const logits = fw.temporary(x.rows, nExpert);
  product(fw, tuner, {
    parts: [{ weight: router }],
    x,
    y: logits,
    epilogue: plainEpilogue,
    label: `linear ${router.name}`,
  });
  const probabilities = softmaxOf(fw, logits, fw.temporary(x.rows, nExpert), 'softmax');
  const chosen = chooseExperts(fw, probabilities, nExpert, nUsed, renormalise);
  const nPairs = x.rows * nUsed;
  const maxTiles = Math.min(nPairs, Math.floor(nPairs / bm) + nExpert);
  const tiles = fw.add({
    label: 'moe group',
    reads: { x: chosen },
    writes: fw.temporary(1, maxTiles * 3 + nPairs),
    dispatches: () => [{ kernel: group(bm), values: { rows: x.rows, nExpert, nUsed, maxTiles }, grid: [1, 1, 1] }],
  });
  const experts = (weight: GpuWeight, input: GpuTensor, code: number, pairsPerRow: number) =>
    expertProduct(fw, tuner, weight, input, tiles, nPairs, maxTiles, code, pairsPerRow);
  const gated = (gates: GpuTensor, ups: GpuTensor) =>
    elementByElement(fw, 'glu', gates, ups, activation, fw.temporary(ups.rows, ups.cols), 'glu');

  const hidden =
    gate === undefined
      ? experts(up, x, activationCode[activation], nUsed)
      : gated(experts(gate, x, 0, nUsed), experts(up, x, 0, nUsed));
  const out = experts(down, hidden, 0, 1);
  const values = { rows: x.rows, cols: x.cols, nUsed };
  fw.add({
    label: labelOf('moe combine', step),
    reads: { x: out, w: chosen },
    writes: fw.of(step.out),
    dispatches: () => [{ kernel: combine, values, grid: grid(Math.ceil((x.rows * x.cols) / 64)) }],
  });
}

/** `[rows, 2 nUsed]`: the experts of each token, best first, then their weights. */
function chooseExperts(fw: Forward, x: GpuTensor, nExpert: number, nUsed: number, renormalise: boolean): GpuTensor {
  const values = { rows: x.rows, nExpert, nUsed, renormalise: renormalise ? 1 : 0 };
  return fw.add({
    label: 'moe choose',
    reads: { x },
    writes: fw.temporary(x.rows, 2 * nUsed),
    dispatches: () => [{ kernel: choose, values, grid: grid(Math.ceil(x.rows / 64)) }],
  });
}

/** Row `pair` of the result: `act(W[expert of pair] · x[pair / pairsPerRow])`. */
function expertProduct(
  fw: Forward,
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
  const y = fw.temporary(nPairs, nOut);
  const wide = x.aligned && y.aligned;
  const kernel = matmulTile(
    weight.loader!.type,
    bm,
    bn,
    4,
    4,
    wide,
    'experts',
    tuner.style.rolled,
    tuner.style.halves,
    false,
    'f32',
    'f32',
    'in turn',
  );
  const common = { rows: nPairs, nIn: weight.rowLength, nOut, firstOut: 0, wRow: 0, blocksPerRow: weight.blocksPerRow };
  return fw.add({
    label: `experts ${weight.name}`,
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
