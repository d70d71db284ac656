/**
 * @file Rotary position embedding: tables of cosines and sines, computed on the CPU and stored on the GPU.
 */
import type { RopeOptions } from '../../../tensor/ops.ts';
import { frequencies, pairTurns, rotations } from '../../../tensor/positions.ts';
import type { PooledRow, RopeStep, RotationStep } from '../../graph/step.ts';
import type { Context } from '../context.ts';
import type { Forward } from '../forward.ts';
import { usage } from '../gpu.ts';
import { GrowingBuffer } from '../growing-buffer.ts';
import { grid } from '../kernel.ts';
import { rotation as anglesKernel, rope as kernelFor, ropeThreads } from '../shaders/rope.wgsl.ts';
import { halfForm, type Style } from '../strategies.ts';
import { type Bound, labelOf } from '../tensor.ts';
import { noVector } from '../vectors.ts';

/** The tables of a model, one for each kind of rotation that it uses. */
export class RopeTables {
  readonly #ctx: Context;
  readonly #tables = new Map<string, Table>();

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Rotates each head by its token's position. */
  rope(fw: Forward, style: Style, step: RopeStep): void {
    const { options } = step;
    const x = fw.of(step.inputs[0]);
    const { nHead, kind } = options;
    const headSize = x.cols / nHead;
    const table = this.table(fw, options);
    const values = { rows: x.rows, nHead, headSize, ...rotationValues(fw, options, step.row) };
    const y = fw.of(step.out);
    const stored = y.isHalf ? halfForm(style) : 'f32';
    const threads = x.rows * nHead * ropeThreads(headSize, stored);
    const kernel = kernelFor(kind, stored);
    fw.add({
      label: labelOf('rope', step),
      reads: { x },
      writes: y,
      prepare: table.prepare,
      dispatches: () => [{ kernel, values, bound: table.bound, grid: grid(Math.ceil(threads / 64)) }],
    });
  }

  /** Writes the cosines and sines of each row, for products that rotate. */
  rotation(fw: Forward, step: RotationStep): void {
    const { options } = step;
    const table = this.table(fw, options);
    const y = fw.of(step.out);
    const values = { rows: y.rows, ...rotationValues(fw, options, undefined) };
    fw.add({
      label: labelOf('rotation', step),
      reads: {},
      writes: y,
      prepare: table.prepare,
      dispatches: () => [
        { kernel: anglesKernel, values, bound: table.bound, grid: grid(Math.ceil((y.rows * y.cols) / 2 / 64)) },
      ],
    });
  }

  /** The table of these angles. After `prepare`, `bound` exists and covers every position of the batch. */
  table(fw: Forward, options: RopeOptions): { prepare: () => Promise<void> | undefined; readonly bound: Bound } {
    const table = this.#of(options);
    const { positions, coordinates = positions } = fw.run.batch;
    const nPositions = Math.max(largest(positions), largest(coordinates)) + 1;
    return {
      prepare: () => table.reach(nPositions),
      get bound() {
        return table.bound;
      },
    };
  }

  #of(rotation: RopeOptions): Table {
    const options = frequencies(rotation);
    const { nRot, freqBase, freqScale, freqFactors, yarn } = options;
    const at = this.#ctx.vector(freqFactors);
    const key = JSON.stringify([nRot, freqBase, freqScale, at, yarn]);
    let table = this.#tables.get(key);
    if (table === undefined) {
      const factors = freqFactors === undefined ? undefined : this.#ctx.vectors.get(at, nRot / 2);
      this.#tables.set(key, (table = new Table(this.#ctx, options, factors)));
    }
    return table;
  }
}

/** The parameters of `rotateCode`. */
export function rotationValues(
  fw: Forward,
  rotation: RopeOptions,
  row: PooledRow | undefined,
): Record<'nRot' | 'nFrequencies' | 'positionsAt' | 'turnsAt', number> {
  const { nRot, coordinates } = rotation;
  const nFrequencies = frequencies(rotation).nRot / 2;
  if (coordinates === undefined) return { nRot, nFrequencies, positionsAt: fw.positionsAt(row), turnsAt: noVector };
  const turnsAt = fw.run.list(`turns ${nRot} ${JSON.stringify(coordinates)}`, () =>
    pairTurns(coordinates, nRot / 2).flatMap(({ coordinate, frequency }) => [coordinate, frequency]),
  );
  return { nRot, nFrequencies, positionsAt: fw.coordinatesAt(row), turnsAt };
}

function largest(values: Int32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** `(cos, sin)` for all positions so far and all pairs. */
class Table {
  readonly #ctx: Context;
  readonly #options: RopeOptions;
  readonly #factors: Float32Array | undefined;
  readonly #buffer: GrowingBuffer;
  #nPositions = 0;
  #bound: Bound | undefined;

  constructor(ctx: Context, options: RopeOptions, factors: Float32Array | undefined) {
    this.#ctx = ctx;
    this.#options = options;
    this.#factors = factors;
    this.#buffer = new GrowingBuffer(ctx.device, 'rotation table', usage.storage | usage.copyDst);
  }

  get bound(): Bound {
    return this.#bound!;
  }

  /** Extends the table to at least `nPositions`. */
  reach(nPositions: number): Promise<void> | undefined {
    return nPositions <= this.#nPositions ? undefined : this.#extend(2 ** Math.ceil(Math.log2(nPositions)));
  }

  async #extend(nPositions: number): Promise<void> {
    const { nRot } = this.#options;
    const values = new Float32Array(nPositions * nRot);
    for (let position = 0; position < nPositions; position++) {
      rotations(position, this.#options, this.#factors, values.subarray(position * nRot, (position + 1) * nRot));
    }
    this.#nPositions = 0;
    await this.#buffer.grow(values.byteLength);
    const { gpu } = this.#ctx.device;
    gpu.queue.writeBuffer(this.#buffer.buffer, 0, values);
    const group = gpu.createBindGroup({
      label: 'rotation table',
      layout: this.#ctx.pipelines.weights(1),
      entries: [{ binding: 0, resource: { buffer: this.#buffer.buffer } }],
    });
    this.#bound = { group };
    this.#nPositions = nPositions;
  }
}
