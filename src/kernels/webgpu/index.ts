/**
 * @file The WebGPU backend: quantised transformers in WGSL, on any adapter that `navigator.gpu` (or Dawn in Node) provides.
 */
import type { Backend, Precision, WeightSource } from '../../tensor/backend.ts';
import type { Observer } from '../../tensor/ops.ts';
import { fuseGlu } from '../graph/fuse-glu.ts';
import { fuseNormAdd } from '../graph/fuse-norm-add.ts';
import { fuseNormProducts } from '../graph/fuse-norm-products.ts';
import { fuseNormRope } from '../graph/fuse-norm-rope.ts';
import { fuseProductRope } from '../graph/fuse-product-rope.ts';
import { fuseProducts } from '../graph/fuse-products.ts';
import { fuseRotations } from '../graph/fuse-rotations.ts';
import { neededFor } from '../graph/liveness.ts';
import { narrow } from '../graph/narrow.ts';
import { Recorder } from '../graph/record.ts';
import { addRotationTables } from '../graph/rotation-tables.ts';
import type { LinearStep, RopeStep, Step } from '../graph/step.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { type BatchBounds, batchBounds } from './batch-bounds.ts';
import { Context, ownWeight } from './context.ts';
import { type DeviceOptions, describeAdapter, openDevice } from './device.ts';
import { Executor } from './executor.ts';
import { experimentsOn } from './experiments.ts';
import { Forward } from './forward.ts';
import { halvedResults } from './halved-results.ts';
import { lower } from './lower.ts';
import { mayNormInput, mayRotate } from './ops/linear.ts';
import { RopeTables } from './ops/rope.ts';
import { Pipelines } from './pipelines.ts';
import type { Tile } from './shaders/matmul-tile.wgsl.ts';
import { matrixShape } from './shaders/matrix-shape.ts';
import { quantize } from './shaders/quantize-int8.wgsl.ts';
import type { Strategy } from './strategies.ts';
import { Timer, type Timing } from './timer.ts';
import { Tuner, type Tuning } from './tuner.ts';
import { Vectors } from './vectors.ts';
import { expands, type WeightForm } from './weight-form.ts';
import { type GpuWeight, Weights } from './weights.ts';

export type { BatchBounds } from './batch-bounds.ts';
export { findAdapterInfo } from './device.ts';
export * from './errors.ts';
export { type Tuning, tuningKey } from './tuner.ts';

/** Options of `createWebGpuBackend`. */
export interface WebGpuOptions extends DeviceOptions {
  /**
   * `f16`: expand quantised matrices to f16 on loading. This is faster on some GPUs and needs more memory. `auto`, the default, does so
   * with precision `fast` where products take f16 operands anyway and the matrices fit (see `weight-form.ts`).
   */
  readonly gpuWeights?: WeightForm;
  /** Values in the matrices of the model's layers, by which `gpuWeights: 'auto'` tells whether they fit. Without it, nothing is expanded. */
  readonly layerWeights?: number;
  /** Check every kernel launch separately for validation errors, and name the kernel. Slow. */
  readonly debug?: boolean;
  /**
   * `fast` uses, in this order: subgroup matrices of f16 if the adapter has them and they pass a check; products of activations in eight
   * bits for weights that are whole numbers times a scale; operands in f16 if the adapter has `shader-f16`, also in attention. Sums stay float32. `high` and
   * `exact` are the same here: float32 throughout. Default `high`.
   */
  readonly precision?: Precision;
  /** Search for the fastest tiles at first use. Default true; never on software adapters. */
  readonly autotune?: boolean;
  /** The `tuning` of an earlier backend on the same adapter. */
  readonly tuning?: Tuning;
  /** Test kernels on the device before they are used; needed for `autotune`. Default true, except on software adapters. */
  readonly selfCheck?: boolean;
  /** Use this tile for every product. For tests and benchmarks. */
  readonly tile?: Tile;
  /** With precision `fast`, use this strategy wherever possible. For tests and benchmarks. */
  readonly strategy?: Strategy;
}

/** What a WebGPU backend offers beyond other backends. */
export interface WebGpuBackend extends Backend {
  /** Bytes of GPU memory that it holds. */
  readonly memoryInUse: number;
  readonly adapterInfo: GPUAdapterInfo;
  /** What one batch may take on this adapter. */
  readonly batchBounds: BatchBounds;
  /** Whether the device is lost. Every later forward then fails with `GpuDeviceLostError`. */
  readonly lost: boolean;
  /**
   * Runs `work` (forwards on this backend) with a timestamp around every launch and returns the times of its last read.
   * @throws GpuError when the adapter has no timestamps
   */
  timed(work: () => Promise<unknown>): Promise<readonly Timing[]>;
  /** The results of the search for tiles so far. Keep them and pass them as `tuning` next time on the same adapter. */
  readonly tuning: Tuning;
}

/**
 * The steps that a forward needs for `target`, narrowed and fused.
 * @param norms whether a product can norm its input
 * @param rotates whether a product can rotate heads of its result
 */
function optimized(
  steps: readonly Step<GpuWeight>[],
  target: GraphTensor,
  nSeq: number,
  norms: (product: LinearStep<GpuWeight>) => boolean,
  rotates: (product: LinearStep<GpuWeight>, rope: RopeStep) => boolean,
): readonly Step<GpuWeight>[] {
  const narrowed = narrow(neededFor(target, steps), target, nSeq);
  const products = fuseProducts(narrowed, target, (first, second) => first.precedes(second));
  const gated = fuseGlu(products, target);
  const together = fuseRotations(fuseNormAdd(fuseNormRope(gated, target), target), target);
  const rotated = addRotationTables(fuseProductRope(together, target, rotates), (step) =>
    step.op === 'linear' ? step.rotation : undefined,
  );
  return fuseNormProducts(rotated, target, norms);
}

/** Makes a WebGPU backend. */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const device = await openDevice(options);
  const pipelines = new Pipelines(device);
  const vectors = new Vectors(device);
  const executor = new Executor(device, pipelines, vectors);
  executor.debug = options.debug ?? false;
  const ctx = new Context(device, pipelines, vectors);
  const fast = options.precision === 'fast';
  const selfCheck = options.selfCheck ?? !ctx.software;
  // A device does not report `dot4I8Packed`; compiling a small kernel that needs the same language feature finds out.
  const int8 = fast && (await pipelines.compiles(quantize));
  const halves = fast && device.features.has('shader-f16');
  const matrix =
    fast && (selfCheck || options.strategy === 'matrix') ? matrixShape(device.adapterInfo, device.features) : undefined;
  const { gpuWeights = 'auto', memoryBudget, layerWeights } = options;
  const room = { info: device.adapterInfo, maxBufferSize: device.limits.maxBufferSize, memoryBudget, layerWeights };
  const weights = new Weights(device, pipelines, vectors, (loader, role) =>
    expands(gpuWeights, loader, role, { ...room, matrix: matrix !== undefined, halves, int8 }),
  );
  const tuner = new Tuner({
    limits: device.limits,
    software: ctx.software,
    halves,
    int8,
    matrix,
    strategy: options.strategy,
    search: options.autotune ?? true,
    known: options.tuning,
    forced: options.tile,
  });
  if (selfCheck) tuner.use(experimentsOn(device, pipelines, vectors, tuner));
  const tables = new RopeTables(ctx);
  let observer: Observer | undefined;
  const { ops } = new Recorder<GpuWeight>({
    own: ownWeight,
    begin: () => observer !== undefined,
    read: (recording, target) => {
      const { batch, steps, nSeq, observed } = recording;
      const norms = (product: LinearStep<GpuWeight>) => mayNormInput(tuner, product);
      const rotates = (product: LinearStep<GpuWeight>, rope: RopeStep) => mayRotate(tuner, product, rope);
      const todo = observed ? steps : optimized(steps, target, nSeq, norms, rotates);
      const forms = halvedResults(observed ? [] : todo, target, {
        products: (weight) => tuner.takesHalves(weight),
        attention: halves,
      });
      const fw = new Forward(ctx, batch, observed, forms);
      for (const step of todo) lower(fw, step, { tuner, tables });
      const named = recording.takeNamed().map(({ name, tensor }) => ({ name, tensor: fw.of(tensor) }));
      return executor.read(fw.run, fw.of(target), named, observer);
    },
  });
  return {
    name: 'webgpu',
    adapterInfo: device.adapterInfo,
    batchBounds: batchBounds(device.adapterInfo, device.maxBindingSize, options.memoryBudget),
    get lost() {
      return device.lost;
    },
    async timed(work) {
      const timer = await Timer.create(device);
      executor.timer = timer;
      try {
        await work();
        return await timer.timings();
      } finally {
        executor.timer = undefined;
        timer.dispose();
      }
    },
    get tuning() {
      return tuner.tuning;
    },
    get memoryInUse() {
      return device.held;
    },
    description: describeAdapter(device.adapterInfo),
    allocate: (source: WeightSource, role) => weights.allocate(source, role),
    fill: (weight, source) => weights.fill(ownWeight(weight), source),
    ops,
    observe(next) {
      observer = next;
    },
    dispose() {
      device.dispose();
    },
  };
}
