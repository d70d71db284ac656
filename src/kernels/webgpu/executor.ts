/**
 * @file Runs recorded steps: assigns positions in the arena, writes parameters, encodes one compute pass and submits it.
 *
 * In steady state only a command encoder is made for each run: pipelines, layouts, bind groups and buffers are reused.
 */
import type { Observer } from '../../tensor/ops.ts';
import type { Device } from './device.ts';
import { GpuError, GpuOutOfMemoryError, mebibytes } from './errors.ts';
import { usage } from './gpu.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { fields, type Kernel, paramBytes } from './kernel.ts';
import type { Pipelines } from './pipelines.ts';
import { Readback } from './readback.ts';
import type { Run } from './run.ts';
import type { Dispatch, GpuTensor, Step } from './tensor.ts';
import type { Timer } from './timer.ts';
import type { Vectors } from './vectors.ts';

/** A tensor that the observer is to see. */
interface Named {
  readonly name: string;
  readonly tensor: GpuTensor;
}

/** A dispatch with the offset of its parameters in the uniform buffer. */
interface Launch extends Dispatch {
  readonly step: Step;
  readonly pipeline: GPUComputePipeline;
  readonly paramOffset: number;
}

/** Owns the buffers that all kernels share, and the queue. */
export class Executor {
  /** Check each step separately for validation errors. Slow. */
  debug = false;
  /** If set, measures each step. */
  timer: Timer | undefined;
  readonly #device: Device;
  readonly #pipelines: Pipelines;
  readonly #vectors: Vectors;
  readonly #memory: GrowingBuffer;
  readonly #params: GrowingBuffer;
  readonly #lists: GrowingBuffer;
  readonly #readback: Readback;
  #paramData = new Uint32Array(0);
  #common: { group: GPUBindGroup; buffers: readonly GPUBuffer[] } | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(device: Device, pipelines: Pipelines, vectors: Vectors) {
    const { storage, uniform, copyDst, copySrc } = usage;
    this.#device = device;
    this.#pipelines = pipelines;
    this.#vectors = vectors;
    this.#memory = new GrowingBuffer(device, 'intermediates', storage | copySrc | copyDst);
    this.#params = new GrowingBuffer(device, 'kernel parameters', uniform | copyDst);
    this.#lists = new GrowingBuffer(device, 'batch', storage | copyDst);
    this.#readback = new Readback(device);
  }

  /**
   * Runs the steps of `run` and returns the values of `x` (not a view), after showing those of `named` to `observer`. Calls are submitted one
   * after the other. The next one is prepared while the GPU computes, and waits in the GPU's queue: its buffers may be the same, because the
   * queue keeps the order of writes and passes.
   */
  async read(run: Run, x: GpuTensor, named: readonly Named[] = [], observer?: Observer): Promise<Float32Array> {
    const submitted = this.#tail.then(() => this.#start(run, [x, ...named.map(({ tensor }) => tensor)]));
    this.#tail = submitted.catch(() => undefined);
    const [result, ...shown] = await (await submitted)();
    named.forEach(({ name, tensor }, i) => {
      observer?.(name, shown[i], tensor.rows, tensor.cols);
    });
    this.#device.assertAlive();
    return result;
  }

  /** Frees its buffers. */
  dispose(): void {
    for (const buffer of [this.#memory, this.#params, this.#lists, this.#readback]) buffer.dispose();
  }

  /** Submits the steps of `run`. Call the returned function to wait for the values of `views`, the first of which is the result. */
  async #start(run: Run, views: readonly GpuTensor[]): Promise<() => Promise<Float32Array[]>> {
    this.#device.assertAlive();
    const { steps } = run;
    for (const step of steps) {
      const waiting = step.prepare?.();
      if (waiting !== undefined) await waiting;
    }
    await this.#growMemory(run.place(views[0].slab) * 4, run.nTokens);
    for (const { tensor, values } of run.uploads) {
      this.#device.gpu.queue.writeBuffer(
        this.#memory.buffer,
        tensor.slab.offset! * 4,
        values as Float32Array<ArrayBuffer>,
      );
    }
    const launches = await this.#launches(steps);
    await this.#lists.grow(run.lists.length * 4);
    this.#device.gpu.queue.writeBuffer(this.#lists.buffer, 0, Int32Array.from(run.lists));
    const group = await this.#commonGroup();
    return this.debug ? this.#submitOneByOne(launches, group, views) : this.#submit(launches, group, views);
  }

  /** One command buffer, one compute pass. */
  async #submit(launches: readonly Launch[], group: GPUBindGroup, views: readonly GpuTensor[]) {
    const encoder = this.#device.gpu.createCommandEncoder();
    if (this.timer !== undefined) this.timer.encode(encoder, launches, (pass, launch) => encode(pass, launch, group));
    else if (launches.length > 0) {
      const pass = encoder.beginComputePass();
      for (const launch of launches) encode(pass, launch, group);
      pass.end();
    }
    const values = await this.#readback.copy(encoder, this.#memory.buffer, views);
    this.#device.gpu.queue.submit([encoder.finish()]);
    return values;
  }

  /** For debugging: gives every launch its own command buffer and error scope. */
  async #submitOneByOne(launches: readonly Launch[], group: GPUBindGroup, views: readonly GpuTensor[]) {
    const { gpu } = this.#device;
    for (const launch of launches) {
      gpu.pushErrorScope('validation');
      const encoder = gpu.createCommandEncoder({ label: launch.step.label });
      const pass = encoder.beginComputePass({ label: launch.step.label });
      encode(pass, launch, group);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      const error = await this.#device.settles(gpu.popErrorScope());
      if (error !== null) throw new GpuError(`${launch.step.label} (kernel ${launch.kernel.name}): ${error.message}`);
    }
    return this.#submit([], group, views);
  }

  /** Makes room for `bytes` of intermediates. */
  async #growMemory(bytes: number, nTokens: number): Promise<void> {
    const most = this.#device.maxBindingSize;
    if (bytes > most) {
      throw new GpuOutOfMemoryError(
        `a forward over ${nTokens} tokens needs ${mebibytes(bytes)} of intermediates, but this adapter binds at most ${mebibytes(most)} at once: compute fewer tokens at a time (nUbatch), or use the wasm backend for so long a text`,
        bytes,
        this.#device.held,
      );
    }
    await this.#memory.grow(bytes, { most });
  }

  async #launches(steps: readonly Step[]): Promise<Launch[]> {
    const dispatches = steps.flatMap((step) => step.dispatches().map((dispatch) => ({ ...dispatch, step })));
    await this.#compile(dispatches);
    const launches = dispatches.map((dispatch, i): Launch => {
      return { ...dispatch, pipeline: this.#pipelines.get(dispatch.kernel)!, paramOffset: i * paramBytes };
    });
    const words = (launches.length * paramBytes) / 4;
    if (this.#paramData.length < words) this.#paramData = new Uint32Array(words * 2);
    const floats = new Float32Array(this.#paramData.buffer);
    for (const launch of launches) writeParams(launch, this.#paramData, floats);
    await this.#params.grow(Math.max(words * 4, paramBytes));
    this.#device.gpu.queue.writeBuffer(this.#params.buffer, 0, this.#paramData, 0, words);
    return launches;
  }

  /** Compiles all kernels that are new at the same time: a browser or driver does it on several threads. */
  async #compile(dispatches: readonly Dispatch[]): Promise<void> {
    const missing = new Set(dispatches.map(({ kernel }) => kernel).filter((kernel) => !this.#pipelines.get(kernel)));
    const results = await Promise.allSettled([...missing].map((kernel) => this.#pipelines.compile(kernel)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Bind group 0; made again only after one of its buffers has grown. */
  async #commonGroup(): Promise<GPUBindGroup> {
    const buffers = [this.#memory.buffer, this.#params.buffer, this.#lists.buffer, await this.#vectors.upload()];
    if (this.#common === undefined || buffers.some((buffer, i) => buffer !== this.#common?.buffers[i])) {
      const group = this.#device.gpu.createBindGroup({
        layout: this.#pipelines.common,
        entries: buffers.map((buffer, binding) => ({
          binding,
          resource: binding === 1 ? { buffer, size: paramBytes } : { buffer },
        })),
      });
      this.#common = { group, buffers };
    }
    return this.#common.group;
  }
}

function encode(pass: GPUComputePassEncoder, launch: Launch, group: GPUBindGroup): void {
  pass.setPipeline(launch.pipeline);
  pass.setBindGroup(0, group, [launch.paramOffset]);
  if (launch.bound !== undefined) pass.setBindGroup(1, launch.bound.group);
  pass.dispatchWorkgroups(...launch.grid);
}

const layouts = new WeakMap<Kernel, [name: string, type: 'u32' | 'f32'][]>();

/** Writes the uniform struct of a launch: numbers unchanged, tensors as offset and stride. */
function writeParams(
  { kernel, step, values, paramOffset, tensors }: Launch,
  words: Uint32Array,
  floats: Float32Array,
): void {
  let layout = layouts.get(kernel);
  if (layout === undefined) layouts.set(kernel, (layout = fields(kernel.params)));
  const all: Record<string, number> = { ...values };
  for (const [name, kind] of Object.entries(kernel.params)) {
    if (kind !== 'tensor') continue;
    const tensor = (tensors ?? { ...step.reads, y: step.writes })[name];
    all[`${name}Off`] = tensor === undefined ? 0 : tensor.slab.offset! + tensor.start;
    all[`${name}Stride`] = tensor?.stride ?? 0;
  }
  layout.forEach(([name, type], i) => {
    const value = all[name];
    if (value === undefined) throw new GpuError(`${step.label}: kernel ${kernel.name} needs the parameter ${name}`);
    (type === 'f32' ? floats : words)[paramOffset / 4 + i] = value;
  });
}
