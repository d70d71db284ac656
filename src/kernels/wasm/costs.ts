/**
 * @file Measures what barriers, weights and rows cost on this machine while all workers of a team compute: a few milliseconds.
 */
import { GraphTensor } from '../graph/tensor.ts';
import { evenPart } from './even-part.ts';
import { panelColumns } from './forms/form.ts';
import type { Kernels } from './kernels.ts';
import { alignUp, type KernelMemory, rowStride } from './memory.ts';
import { linearScratch, type Multiplying, multiply } from './run-linear.ts';
import type { Barrier } from './team.ts';
import { fewRows, type MachineCosts, type ModelSize } from './thresholds.ts';
import type { WasmWeight } from './weights.ts';

/** Weights of a sample: they fit in a second-level cache, so that only the first product reads them from beyond it. */
const sampleWeights = 1 << 18;
const nSamples = 5;
const manyRows = 20;
const [barrierRounds, barriersAtOnce] = [8, 8];
const nWakes = 3;
/** Milliseconds after which a member of a barrier has stopped polling. */
const asleepAfter = 0.2;

/** What a rank measures with. All ranks of the team measure at the same time. */
export interface Measuring {
  readonly kernels: Kernels;
  readonly memory: KernelMemory;
  /** Whether the tiles for 256-bit registers are used. */
  readonly packed: boolean;
  readonly barrier: Barrier;
  readonly rank: number;
  readonly nRanks: number;
  /** Matrices of the model, in panels. */
  readonly matrices: readonly WasmWeight[];
}

/** The costs that one rank sees; those of rank 0 count. */
export function measureMachine(measuring: Measuring): MachineCosts {
  const { barrier, rank, nRanks, matrices } = measuring;
  const largest = matrices.toSorted((a, b) => b.k * b.nPanels - a.k * a.nPanels).slice(0, nSamples);
  const samples = largest.map((w) => {
    barrier.wait(nRanks);
    return measureProduct(measuring, w);
  });
  const barriers = Array.from({ length: barrierRounds }, () =>
    microseconds(() => {
      for (let i = 0; i < barriersAtOnce; i++) barrier.wait(nRanks);
    }),
  );
  const wakes = Array.from({ length: nWakes }, () => {
    if (rank === 0) busyFor(asleepAfter);
    return microseconds(() => {
      barrier.wait(nRanks);
      barrier.wait(nRanks);
    });
  });
  return {
    barrier: Math.min(...barriers) / barriersAtOnce,
    wake: Math.min(...wakes),
    fewProducts: median(samples.map(({ fewProducts }) => fewProducts)),
    product: median(samples.map(({ product }) => product)),
  };
}

/** What a forward of a model multiplies, and how evenly `nRanks` divide the columns. */
export function sizeOf(matrices: readonly WasmWeight[], nRanks: number): ModelSize {
  const byRank = Array.from({ length: nRanks }, (_, rank) =>
    matrices.reduce((sum, { k, nPanels }) => {
      const [begin, end] = evenPart(nPanels, rank, nRanks);
      return sum + (end - begin) * panelColumns * k;
    }, 0),
  );
  const nWeights = byRank.reduce((sum, n) => sum + n, 0);
  return { nWeights, nMatrices: matrices.length, unevenness: (Math.max(...byRank) * nRanks) / nWeights };
}

/** What the first panels of a matrix cost. */
function measureProduct(
  { kernels, memory, packed, rank, nRanks }: Measuring,
  w: WasmWeight,
): Pick<MachineCosts, 'fewProducts' | 'product'> {
  const nPanels = Math.min(w.nPanels, Math.ceil(sampleWeights / (w.k * panelColumns)));
  const nWeights = nPanels * panelColumns * w.k;
  const [lda, ldc] = [rowStride(w.k * 4), rowStride(nPanels * panelColumns * 4)];
  const bytes = alignUp(manyRows * (lda + ldc) + linearScratch(w, manyRows), 4096);
  const a = alignUp(memory.weightsEnd + 64, 4096) + rank * bytes;
  memory.ensure(a + bytes + (nRanks - rank) * bytes);
  memory.f32.fill(1, a / 4, (a + manyRows * lda) / 4);
  const c = a + manyRows * lda;
  const multiplying: Multiplying = {
    kernels,
    wide: packed ? 1 : 0,
    quantized: undefined,
    blocks: (of, row, rows, scratch) => of.storage.rows(of, row, rows, scratch, memory),
  };
  const rest = { bias: 0, factor: 1, activation: 0, residual: 0, ldr: 0 };
  const time = (rows: number) => {
    const source = new GraphTensor(rows, w.k, 'tokens');
    const product = { a, lda, rows, w, matrix: 0, c, ldc, scratch: c + manyRows * ldc, ...rest };
    // Quantises the activations.
    multiply(multiplying, product, source, 1);
    return microseconds(() => multiply(multiplying, product, source, nPanels));
  };
  // The first product reads the weights from beyond the cache.
  const fewProducts = time(fewRows) / nWeights;
  return { fewProducts, product: time(manyRows) / manyRows / nWeights };
}

function busyFor(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function microseconds(run: () => void): number {
  const start = performance.now();
  run();
  return (performance.now() - start) * 1000;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
