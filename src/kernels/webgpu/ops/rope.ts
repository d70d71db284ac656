/**
 * @file Rotary position embedding: tables of cosines and sines, made on the CPU and kept on the GPU.
 */
import type { RopeOptions, StepNames, Tensor } from '../../../tensor/ops.ts';
import { yarnRamp } from '../../../tensor/positions.ts';
import type { Context } from '../context.ts';
import { GpuError } from '../errors.ts';
import { usage } from '../gpu.ts';
import { GrowingBuffer } from '../growing-buffer.ts';
import { grid } from '../kernel.ts';
import { rope as kernelFor } from '../shaders/rope.wgsl.ts';
import type { Bound, GpuTensor } from '../tensor.ts';

const f32 = Math.fround;

/** The tables of a model, one for each way of rotating that it uses. */
export class RopeTables {
  readonly #ctx: Context;
  readonly #tables = new Map<string, Table>();

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Rotates each head by its token's position; see `Ops.rope`. */
  rope(input: Tensor, options: RopeOptions & StepNames<never>): GpuTensor {
    const ctx = this.#ctx;
    const x = ctx.own(input);
    const { nHead, nRot, kind } = options;
    const headSize = x.cols / nHead;
    if (!Number.isInteger(headSize) || nRot > headSize || nRot % 2 !== 0) {
      throw new GpuError(`rope: ${nRot} rotated dimensions in ${nHead} heads of ${headSize}`);
    }
    const table = this.#table(options);
    const nPositions = ctx.run.batch.positions.reduce((most, position) => Math.max(most, position), 0) + 1;
    const values = {
      rows: x.rows,
      nHead,
      headSize,
      nRot,
      positionsAt: ctx.run.list('positions', () => []),
    };
    const pairs = x.rows * nHead * Math.ceil(headSize / 2);
    return ctx.record({
      op: 'rope',
      options,
      reads: { x },
      writes: ctx.run.tensor(x.rows, x.cols),
      prepare: () => table.reach(nPositions),
      dispatches: () => [
        { kernel: kernelFor(kind === 'neox'), values, bound: table.bound, grid: grid(Math.ceil(pairs / 64)) },
      ],
    });
  }

  #table(options: RopeOptions): Table {
    const { nRot, freqBase, freqScale, freqFactors, yarn } = options;
    const at = this.#ctx.vector(freqFactors, nRot / 2);
    const key = JSON.stringify([nRot, freqBase, freqScale, at, yarn]);
    let table = this.#tables.get(key);
    if (table === undefined) {
      const factors = freqFactors === undefined ? undefined : this.#ctx.vectors.get(at, nRot / 2);
      this.#tables.set(key, (table = new Table(this.#ctx, options, factors)));
    }
    return table;
  }
}

/** `(cos, sin)` for every position seen so far and every pair. */
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

  /** Makes the table at least `nPositions` long. */
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

/**
 * Cosine and sine of each pair at one position: pair `i` turns by `position · base^(−2i/nRot)`, where the power is a
 * running float32 product as in llama.cpp, not `pow` of each.
 */
function rotations(
  position: number,
  options: RopeOptions,
  factors: Float32Array | undefined,
  into: Float32Array,
): void {
  const { nRot, freqBase, freqScale = 1, yarn } = options;
  const stretched = yarn !== undefined && yarn.extFactor !== 0;
  const step = f32(f32(freqBase) ** f32(-2 / nRot));
  const magnitude = (yarn?.attnFactor ?? 1) * (stretched ? 1 + 0.1 * Math.log(1 / freqScale) : 1);
  let theta = position;
  for (let i = 0; i < nRot / 2; i++) {
    const angle = factors === undefined ? theta : f32(theta / factors[i]);
    let turned = f32(freqScale * angle);
    if (stretched) {
      const mix = f32(yarnRamp(i, options, yarn) * yarn.extFactor);
      turned = f32(turned * (1 - mix) + angle * mix);
    }
    into[2 * i] = Math.cos(turned) * magnitude;
    into[2 * i + 1] = Math.sin(turned) * magnitude;
    theta = f32(theta * step);
  }
}
