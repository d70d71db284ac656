/**
 * @file The tuner's experiments: products run to measure their time or compare their bits, in separate memory.
 */
import { matrixAttentionWorks } from './attention-check.ts';
import type { Device } from './device.ts';
import { GpuShaderError } from './errors.ts';
import { Executor } from './executor.ts';
import { grid } from './kernel.ts';
import { quantizedWidth, quantizeStep } from './ops/quantize.ts';
import type { Pipelines } from './pipelines.ts';
import { Run } from './run.ts';
import { embedding } from './shaders/embedding.wgsl.ts';
import type { Tile } from './shaders/matmul-tile.wgsl.ts';
import { norm } from './shaders/norm.wgsl.ts';
import {
  halfForm,
  isUsable,
  matrixTiles,
  normsInput,
  type Product,
  plainEpilogue,
  type Strategy,
  skinny,
  tiled,
  tiles,
} from './strategies.ts';
import { type Dispatch, GpuTensor } from './tensor.ts';
import type { Experiments, Tuner } from './tuner.ts';
import { noVector, type Vectors } from './vectors.ts';
import type { GpuWeight } from './weights.ts';

/** More rows than this do not change the ranking. */
const mostRows = 1024;
/** Rows in the check of subgroup matrices, all equal: more than a matrix has. */
const equalRows = 40;
/** Launches in one measurement, and the number of measurements. */
const launches = 4;
const repeats = 3;

/** Experiments on a device. */
export function experimentsOn(device: Device, pipelines: Pipelines, vectors: Vectors, tuner: Tuner): Experiments {
  /** Runs the launches that `dispatches` makes for an `x` of `rows` rows, which are rows of the weight itself, and returns the result. */
  async function run(weight: GpuWeight, rows: number, dispatches: readonly Dispatch[], times = 1) {
    const executor = new Executor(device, pipelines, vectors);
    try {
      const record = new Run(batch(rows), false);
      const floats = rowsOfWeight(record, weight, rows);
      const bytes = tuner.strategy(weight) === 'int8';
      const x = bytes ? record.record(quantizeStep(floats, record.tensor(rows, quantizedWidth(floats)))) : floats;
      const step = { label: 'experiment', reads: { x }, writes: record.tensor(rows, weight.parts[0].nRows) };
      const y = record.record({ ...step, dispatches: () => Array.from({ length: times }, () => dispatches).flat() });
      if (times === 1) return await executor.read(record, y);
      // Waiting for a single value excludes the time of reading the result.
      return await executor.read(
        record,
        record.record({ ...step, reads: { y }, writes: record.tensor(1, 1), dispatches: () => [] }),
      );
    } finally {
      executor.dispose();
    }
  }

  const product = (weight: GpuWeight, rows: number, strategy: Strategy): Product => {
    return {
      strategy,
      weight,
      part: weight.parts[0],
      rows,
      epilogue: plainEpilogue,
      form: 'plain',
      from: 'f32',
      stored: 'f32',
    };
  };

  /** A product of one row that is added to itself and normed, in two launches or in one, which `fused` makes from the norm's values. */
  async function normedRow(weight: GpuWeight, fused?: (values: Dispatch['values']) => Dispatch): Promise<Uint32Array> {
    const { rowLength: n } = weight;
    const at = vectors.derive(`norm check ${n}`, () =>
      Float32Array.from({ length: 2 * n }, (_, i) => 0.5 + (i % 7) / 8),
    );
    const sums = { centred: 1, eps: 1e-5 };
    const executor = new Executor(device, pipelines, vectors);
    try {
      const record = new Run(batch(1), false);
      const x = rowsOfWeight(record, weight, 1);
      const y = record.tensor(1, weight.parts[0].nRows);
      const reads = { x, r: x };
      if (fused !== undefined) {
        const values = { ...sums, normWeightAt: at, normBiasAt: at + n, addsFirst: 1, normedFrom: noVector };
        record.record({ label: 'experiment', reads, writes: y, dispatches: () => [fused(values)] });
      } else {
        const { slab } = record.tensor(1, n);
        const isHalf = n % 8 === 0 && tuner.takesHalves(weight);
        const normed = new GpuTensor(slab, 1, n, 0, isHalf ? n / 2 : n, isHalf ? 0 : n);
        const stored = isHalf ? halfForm(tuner.style) : 'f32';
        const whole = { rows: 1, n, groups: 1, nextFrom: 1, nextWeightAt: noVector, nextBiasAt: noVector };
        const values = { ...sums, ...whole, weightAt: at, biasAt: at + n, hasResidual: 1, isAdded: 0 };
        const kernel = norm('none', n % 4 === 0, stored, !isHalf);
        const launch = { kernel, values, tensors: { ...reads, y: normed, h: normed }, grid: [1, 1, 1] } as const;
        record.record({ label: 'experiment', reads, writes: normed, dispatches: () => [launch] });
        const plain = skinny({ ...product(weight, 1, 'float'), from: isHalf ? 'f16' : 'f32' }, tuner.style);
        record.record({ label: 'experiment', reads: { x: normed }, writes: y, dispatches: () => [plain] });
      }
      return bitsOf(await executor.read(record, y));
    } finally {
      executor.dispose();
    }
  }

  function withTile(weight: GpuWeight, rows: number, tile: Tile, strategy = tuner.strategy(weight)): Dispatch {
    return tiled(product(weight, rows, strategy), tile, tuner.style, weight.rowLength % 4 === 0);
  }

  return {
    async measure(weight, rows, candidates) {
      const n = Math.min(rows, mostRows);
      const times: number[] = [];
      for (const tile of candidates) {
        const dispatch = withTile(weight, n, tile);
        await run(weight, n, [dispatch]);
        let best = Number.POSITIVE_INFINITY;
        for (let i = 0; i < repeats; i++) {
          const begin = performance.now();
          await run(weight, n, [dispatch], launches);
          best = Math.min(best, performance.now() - begin);
        }
        times.push(best);
      }
      return times;
    },
    async sameBits(weight) {
      const few = skinny(product(weight, 1, tuner.strategy(weight)), tuner.style);
      const wanted = bitsOf(await run(weight, 1, [few]));
      for (const tile of [tuner.tile(weight, 1), tuner.tile(weight, mostRows)]) {
        const bits = bitsOf(await run(weight, 1, [withTile(weight, 1, tile)]));
        if (bits.some((b, i) => b !== wanted[i])) return false;
      }
      return true;
    },
    async normsAgree(weight) {
      const tile = tuner.tile(weight, mostRows);
      const wanted = await normedRow(weight);
      const ways = [
        (values: Dispatch['values']) => skinny({ ...product(weight, 1, 'float'), norm: values }, tuner.style),
        (values: Dispatch['values']) =>
          tiled({ ...product(weight, 1, 'float'), norm: values }, tile, tuner.style, weight.rowLength % 4 === 0),
      ];
      for (const fused of normsInput(tile, false, tuner.style, device.limits) ? ways : ways.slice(0, 1)) {
        const bits = await normedRow(weight, fused);
        if (bits.some((b, i) => b !== wanted[i])) return false;
      }
      return true;
    },
    attentionWorks: (headSize, headSizeV) =>
      matrixAttentionWorks(device, pipelines, vectors, tuner.style.matrix!, headSize, headSizeV),
    async matricesWork(weight) {
      const width = weight.parts[0].nRows;
      const [small, ...others] = matrixTiles.filter((tile) => isUsable('matrix', tile, tuner.style, device.limits));
      const wanted = await run(weight, 1, [withTile(weight, 1, tiles[0], 'float')]);
      const largest = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      try {
        const first = await run(weight, 1, [withTile(weight, 1, small, 'matrix')]);
        if (first.some((v, i) => !(Math.abs(v - wanted[i]) <= 1e-3 * largest))) return false;
        const bits = bitsOf(first);
        // The smallest tile, the largest, and the largest with two buffers.
        const last = [others.filter(({ buffers }) => buffers !== 2), others].flatMap((list) => list.slice(-1));
        for (const tile of [small, ...last]) {
          const all = bitsOf(await run(weight, equalRows, [withTile(weight, equalRows, tile, 'matrix')]));
          if (all.some((b, i) => b !== bits[i % width])) return false;
        }
        return true;
      } catch (error) {
        // Dawn's feature is experimental: a driver that cannot compile it is not a failure.
        if (error instanceof GpuShaderError) return false;
        throw error;
      }
    },
  };
}

function batch(rows: number) {
  const ids = new Int32Array(rows);
  return { ids, positions: ids, offsets: Int32Array.of(0, rows) };
}

/**
 * `[rows, nIn]`: the first row of the weight's buffer, `rows` times. The values are realistic, and the weight's own loader decodes them.
 */
function rowsOfWeight(record: Run, weight: GpuWeight, rows: number): GpuTensor {
  const [part] = weight.parts;
  const { type, blockSize } = weight.loader!;
  const values = {
    hasAdd: 0,
    rows,
    cols: weight.rowLength,
    indexAt: 0xffffffff,
    weightsAt: 0xffffffff,
    firstRow: 0,
    nRows: part.nRows,
    blocksPerRow: weight.blocksPerRow,
    scale: 1,
  };
  const threads = rows * weight.blocksPerRow * (blockSize / 8);
  return record.record({
    label: 'experiment',
    reads: {},
    writes: record.tensor(rows, weight.rowLength),
    dispatches: () => [{ kernel: embedding(type), values, bound: part, grid: grid(Math.ceil(threads / 64)) }],
  });
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
