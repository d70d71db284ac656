/**
 * @file What the operations share: the running forward, the weights' vectors, the device's limits.
 */
import type { Batch, Observer, StepNames, Tensor, Weight } from '../../tensor/ops.ts';
import type { Device } from './device.ts';
import { GpuError } from './errors.ts';
import type { Executor } from './executor.ts';
import type { Pipelines } from './pipelines.ts';
import { isSoftware } from './probe.ts';
import { Run } from './run.ts';
import { GpuTensor, type Step } from './tensor.ts';
import { noVector, type Vectors } from './vectors.ts';
import { GpuWeight } from './weights.ts';

/** A step as an operation describes it: its name comes from the caller's options. */
export interface Recording<S extends string> extends Omit<Step, 'label'> {
  /** The operation. */
  readonly op: string;
  readonly options?: StepNames<S>;
  /** The name of the result, if it is not `options.names.out`. */
  readonly name?: string;
}

/** State of one backend that its operations work on. */
export class Context {
  readonly device: Device;
  readonly pipelines: Pipelines;
  readonly vectors: Vectors;
  readonly executor: Executor;
  /** The adapter computes on the CPU: small kernels, since compiling takes longer than computing. */
  readonly software: boolean;
  observer: Observer | undefined;
  #run: Run | undefined;
  #tensors = new WeakSet<Tensor>();

  constructor(device: Device, pipelines: Pipelines, vectors: Vectors, executor: Executor) {
    this.device = device;
    this.pipelines = pipelines;
    this.vectors = vectors;
    this.executor = executor;
    this.software = isSoftware(device.adapterInfo);
  }

  /** Starts a forward. */
  begin(batch: Batch): void {
    this.#run = new Run(batch, this.observer !== undefined);
    this.#tensors = new WeakSet();
  }

  /** The running forward. */
  get run(): Run {
    if (this.#run === undefined) throw new GpuError('begin() comes before every other operation');
    return this.#run;
  }

  /** @throws GpuError for a tensor of another backend or of an earlier forward */
  own(x: Tensor): GpuTensor {
    if (!(x instanceof GpuTensor) || !this.#tensors.has(x)) {
      throw new GpuError('this tensor does not belong to the running forward');
    }
    return x;
  }

  /** A tensor of this forward, of the given shape. */
  ownShaped(x: Tensor, rows: number, cols: number, what: string): GpuTensor {
    const tensor = this.own(x);
    if (x.rows !== rows || x.cols !== cols) {
      throw new GpuError(`${what} is [${x.rows}, ${x.cols}] where [${rows}, ${cols}] is needed`);
    }
    return tensor;
  }

  /** @throws GpuError for a weight of another backend, or of another shape than `shape` */
  weight(weight: Weight, ...shape: number[]): GpuWeight {
    if (!(weight instanceof GpuWeight)) throw new GpuError(`${weight.name} belongs to another backend`);
    if (shape.some((n, axis) => n !== (weight.shape[axis] ?? 1))) {
      throw new GpuError(`${weight.name} is [${weight.shape}] where [${shape}] is needed`);
    }
    return weight;
  }

  /** Where a small weight of this shape lies in the vector pool; `noVector` when there is none. */
  vector(weight: Weight | undefined, ...shape: number[]): number {
    if (weight === undefined) return noVector;
    const { name, vector } = this.weight(weight, ...shape);
    if (vector === undefined) throw new GpuError(`${name} was not allocated as a vector`);
    return vector;
  }

  /** Records a step under its caller's name. */
  record<S extends string>(recording: Recording<S>): GpuTensor {
    const { op, options, name = options?.names?.out, ...step } = recording;
    const suffix = options?.layer === undefined ? '' : `-${options.layer}`;
    const tensor = this.run.record({ ...step, label: name === undefined ? op : `${op} ${name}${suffix}` });
    this.run.name(options, name, tensor);
    return this.adopt(tensor);
  }

  /** Makes a tensor valid until the next `begin`. */
  adopt(tensor: GpuTensor): GpuTensor {
    this.#tensors.add(tensor);
    return tensor;
  }

  /** Runs what is recorded and returns the values of `x`. */
  read(x: Tensor): Promise<Float32Array> {
    return this.executor.read(this.run, this.own(x), this.observer);
  }
}
