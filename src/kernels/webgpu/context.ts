/**
 * @file What the lowering of steps needs from the backend: its device, the weights' vectors, the choice of kernels.
 */
import type { Weight } from '../../tensor/ops.ts';
import type { Device } from './device.ts';
import { GpuError } from './errors.ts';
import type { Pipelines } from './pipelines.ts';
import { isSoftware } from './probe.ts';
import { noVector, type Vectors } from './vectors.ts';
import { GpuWeight } from './weights.ts';

/** State of one backend. */
export class Context {
  readonly device: Device;
  readonly pipelines: Pipelines;
  readonly vectors: Vectors;
  /** Whether the adapter computes on the CPU. Kernels are then small, because compiling takes longer than computing. */
  readonly software: boolean;

  constructor(device: Device, pipelines: Pipelines, vectors: Vectors) {
    this.device = device;
    this.pipelines = pipelines;
    this.vectors = vectors;
    this.software = isSoftware(device.adapterInfo);
  }

  /** Offset of a small weight in the vector pool; `noVector` if there is none. */
  vector(weight: Weight | undefined): number {
    if (weight === undefined) return noVector;
    const { name, vector } = ownWeight(weight);
    if (vector === undefined) throw new GpuError(`${name} was not allocated as a vector`);
    return vector;
  }
}

/** @throws GpuError for a weight of another backend */
export function ownWeight(weight: Weight): GpuWeight {
  if (!(weight instanceof GpuWeight)) throw new GpuError(`${weight.name} belongs to another backend`);
  return weight;
}
