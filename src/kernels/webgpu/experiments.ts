/**
 * @file The tuner's experiments: products run for their time or for their bits, in memory of their own.
 */
import type { Device } from './device.ts';
import { Executor } from './executor.ts';
import { grid } from './kernel.ts';
import { plainEpilogue } from './ops/linear.ts';
import type { Pipelines } from './pipelines.ts';
import { Run } from './run.ts';
import { embedding } from './shaders/embedding.wgsl.ts';
import { matmulSkinny, skinnyOutputs } from './shaders/matmul-skinny.wgsl.ts';
import { matmulTile, type Tile } from './shaders/matmul-tile.wgsl.ts';
import type { Dispatch, GpuTensor } from './tensor.ts';
import type { Experiments, Tuner } from './tuner.ts';
import type { Vectors } from './vectors.ts';
import type { GpuWeight } from './weights.ts';

/** Rows beyond this change no ranking. */
const mostRows = 1024;
/** Launches of one measurement, and how often it is repeated. */
const launches = 4;
const repeats = 3;

/** Experiments on a device. */
export function experimentsOn(device: Device, pipelines: Pipelines, vectors: Vectors, tuner: Tuner): Experiments {
  /** The result of the launches that `dispatches` makes out of an `x` of `rows` rows: rows of the weight itself. */
  async function run(weight: GpuWeight, rows: number, dispatches: readonly Dispatch[], times = 1) {
    const executor = new Executor(device, pipelines, vectors);
    try {
      const record = new Run(batch(rows), false);
      const x = rowsOfWeight(record, weight, rows);
      const step = { label: 'experiment', reads: { x }, writes: record.tensor(rows, weight.parts[0].nRows) };
      const y = record.record({ ...step, dispatches: () => Array.from({ length: times }, () => dispatches).flat() });
      if (times === 1) return await executor.read(record, y);
      // Waiting for a single value leaves the time of reading the result out.
      return await executor.read(
        record,
        record.record({ ...step, reads: { y }, writes: record.tensor(1, 1), dispatches: () => [] }),
      );
    } finally {
      executor.dispose();
    }
  }

  const values = (weight: GpuWeight, rows: number) => ({
    rows,
    nIn: weight.rowLength,
    nOut: weight.parts[0].nRows,
    firstOut: 0,
    blocksPerRow: weight.blocksPerRow,
    ...plainEpilogue,
  });

  function tiled(weight: GpuWeight, rows: number, { bm, bn, tm, tn }: Tile): Dispatch {
    const [part] = weight.parts;
    const wide = weight.rowLength % 4 === 0 && part.nRows % 4 === 0;
    const kernel = matmulTile(weight.loader!.type, bm, bn, tm, tn, wide, false, tuner.rolled, tuner.halves);
    const groups = Math.ceil(part.nRows / bn) * Math.ceil(rows / bm);
    return { kernel, values: values(weight, rows), bound: part, grid: grid(groups) };
  }

  return {
    async measure(weight, rows, candidates) {
      const n = Math.min(rows, mostRows);
      const times: number[] = [];
      for (const tile of candidates) {
        const dispatch = tiled(weight, n, tile);
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
      const [part] = weight.parts;
      const kernel = matmulSkinny(weight.loader!.type, 1, tuner.rolled, tuner.halves);
      const groups = Math.ceil(part.nRows / skinnyOutputs);
      const skinny: Dispatch = { kernel, values: values(weight, 1), bound: part, grid: grid(groups) };
      const wanted = bitsOf(await run(weight, 1, [skinny]));
      for (const tile of [tuner.tile(weight, 1), tuner.tile(weight, mostRows)]) {
        const bits = bitsOf(await run(weight, 1, [tiled(weight, 1, tile)]));
        if (bits.some((b, i) => b !== wanted[i])) return false;
      }
      return true;
    },
  };
}

function batch(rows: number) {
  const ids = new Int32Array(rows);
  return { ids, positions: ids, offsets: Int32Array.of(0, rows) };
}

/** `[rows, nIn]`: the first row of the weight, `rows` times. Real values, made by nothing but the weight's own loader. */
function rowsOfWeight(record: Run, weight: GpuWeight, rows: number): GpuTensor {
  const [part] = weight.parts;
  const { type, blockSize } = weight.loader!;
  const values = {
    hasAdd: 0,
    rows,
    cols: weight.rowLength,
    indexAt: 0xffffffff,
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
