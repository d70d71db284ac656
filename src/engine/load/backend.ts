/**
 * @file Decides where to compute: which backend, how many threads, on the calling thread or in workers. A requested
 * backend is used or refused. Only `auto` chooses, and it tests first: a backend that fails is never replaced by another.
 */
import { fileOf } from '../../gguf/index.ts';
import type { PrepareOptions } from '../../kernels/wasm/index.ts';
import { hasRealGpu } from '../../kernels/webgpu/probe.ts';
import type { BackendName, Precision } from '../../tensor/backend.ts';
import { Turn } from '../../turn.ts';
import { canStartWorkers, isNode } from '../../workers/index.ts';
import { type LoadWatch, type Runner, startLocalRunner } from '../batching/runner.ts';
import { cpuCount } from '../cpu-count.ts';
import { InputError } from '../errors.ts';
import { canHaveGpu, canShareMemory } from '../platform.ts';
import { LateTeam } from '../team/late-team.ts';
import { Team } from '../team/team.ts';
import { isWorkerBeside } from '../team/worker-url.ts';
import type { LoadOptions } from '../types.ts';
import { keepsBlocks, weightBytes } from './keep-blocks.ts';
import { filesOf, type ModelFiles, type OpenFile, type OpenModel } from './open-model.ts';
import { smallModelBytes } from './small-model.ts';

/** Most threads by default; tested models gain nothing from more. */
const MAX_DEFAULT_THREADS = 8;

/** Where a model will be computed. */
export interface Place {
  readonly backend: BackendName;
  readonly threads: number;
  readonly worker: boolean;
}

/**
 * Looks at the options and the runtime alone.
 * @throws InputError for options that contradict each other or the runtime
 */
export async function choosePlace(options: LoadOptions): Promise<Place> {
  const { workerUrl } = options;
  // Node loads its module for workers to answer, so this is not asked in vain.
  const hasWorkers = options.worker !== false && (workerUrl !== undefined || canStartWorkers());
  const { worker = hasWorkers } = options;
  const backend = await chooseBackend(options);
  const threads = chooseThreads(options.threads, backend, worker);
  if (worker && !hasWorkers) {
    throw new InputError(
      'option',
      'worker: true needs workers, which this runtime (or running from the TypeScript sources) does not have',
    );
  }
  return { backend, threads, worker };
}

/** Starts the threads of `place`, where there are any, which then wait for their model. Those that `LateTeam` starts come later. */
export function startThreads(place: Place, options: LoadOptions, files: ModelFiles): Team | undefined {
  const { backend, threads, worker } = place;
  if (!worker || backend === 'webgpu' || mayStartLate(place, options, files)) return undefined;
  return new Team(threads, backend, options.workerUrl);
}

/**
 * Whether the calling thread loads the model and computes until its workers are up: in Node, for small models, unless the options ask for workers,
 * or for what only workers give. A larger file is read in parts by its workers, which are up by then.
 */
function mayStartLate(
  { backend }: Place,
  options: LoadOptions,
  { source, projector, adapters = [] }: ModelFiles,
): boolean {
  const { worker, workerUrl, profile = false, keepBlocks = false } = options;
  if (backend !== 'wasm' || !isNode() || !canShareMemory() || projector !== undefined) return false;
  if (worker !== undefined || workerUrl !== undefined || profile || keepBlocks || !isWorkerBeside()) return false;
  return [source, ...adapters].reduce((sum, { size }) => sum + size, 0) <= smallModelBytes;
}

/**
 * Loads the model and creates its runner.
 * @param team what `startThreads` has started
 * @param reopen opens the files again, in case the weights must be read again
 * @throws what loading a model throws
 */
export async function startRunner(
  { backend, threads, worker }: Place,
  team: Team | undefined,
  model: OpenModel,
  options: LoadOptions,
  watch: LoadWatch,
  reopen: () => Promise<OpenModel>,
): Promise<Runner> {
  const { precision = 'high', profile = false, rowsOnDemand = true } = options;
  const files = filesOf(model);
  if (backend === 'webgpu') {
    const { startGpuRunner } = await import('../gpu/recovery.ts');
    return startGpuRunner(model, { ...options, worker }, watch, reopen);
  }
  if (backend === 'wasm') {
    // A team of several needs the module here, too: it is loaded while they start.
    if (threads > 1) await import('../../kernels/wasm/index.ts');
    // Where flags of V8 are set, Node takes no code from its own cache: workers that are not up yet would take twice as long.
    if (options.packing) await team?.started;
    const features = await enableFeatures(precision, options);
    const { keepBlocks = keepsBlocks(files, precision) } = options;
    const setup = { nThreads: threads, keepBlocks, weightBytes: weightBytes(files), ...features };
    const inWorkers = { precision, profile, setup, rowsOnDemand };
    if (team !== undefined || (worker && keepBlocks)) {
      return (team ?? new Team(threads, backend)).load(model, { backend, ...inWorkers }, watch);
    }
    const { createWasmBackend, prepareWasm, Profile } = await import('../../kernels/wasm/index.ts');
    const shared = await prepareWasm({ ...setup, shared: worker });
    const made = await createWasmBackend({ precision, setup: shared, yields: true });
    made.setTeam(1);
    if (profile) made.profile = new Profile();
    const read = await readHere(model, rowsOnDemand);
    const here = await startLocalRunner(read, made, precision, watch);
    return worker
      ? new LateTeam(here, { model: read, options: inWorkers, setup: shared, onWarning: options.onWarning })
      : here;
  }
  if (team !== undefined) return team.load(model, { backend }, watch);
  const { createReferenceBackend } = await import('../../kernels/reference/index.ts');
  return startLocalRunner(model, await createReferenceBackend(), 'exact', watch);
}

/**
 * The files, read faster by a thread that does nothing else meanwhile.
 * @param staysOpen whether they stay open for rows that batches need later
 */
async function readHere({ projector, adapters = [], ...model }: OpenModel, staysOpen: boolean): Promise<OpenModel> {
  const read = (file: OpenFile) => readFileHere(file, staysOpen);
  return {
    ...(await read(model)),
    projector: projector && (await read(projector)),
    adapters: await Promise.all(adapters.map(read)),
  };
}

async function readFileHere({ source, file }: OpenFile, staysOpen: boolean): Promise<OpenFile> {
  const { name, size, descriptor } = source;
  if (descriptor === undefined || !isNode()) return { source, file };
  const { onDemandReads, openDescriptor } = await import('../../gguf/file.node.ts');
  const place = { name, size, descriptor };
  const onDemand = staysOpen ? onDemandReads(place) : undefined;
  return { source, file: fileOf({ ...openDescriptor(place, new Turn()), onDemand }, file) };
}

async function chooseBackend({ backend: wanted = 'auto', reproducible }: LoadOptions): Promise<BackendName> {
  if (reproducible) {
    if (wanted === 'auto' || wanted === 'wasm') return 'wasm';
    throw new InputError(
      'option',
      `the ${wanted} backend does not give the same bits everywhere: with reproducible, the backend must be wasm`,
    );
  }
  if (wanted !== 'auto') return wanted;
  if (canHaveGpu() && (await hasRealGpu())) return 'webgpu';
  return hasSimd() ? 'wasm' : 'reference';
}

/**
 * Turns on the experimental features of V8 that the options ask for, which only Node has: 256-bit packing, and for `fast` relaxed SIMD where
 * it is experimental, because products of low-bit weights need it.
 */
async function enableFeatures(
  precision: Precision,
  { packing = false, reproducible = false }: LoadOptions,
): Promise<Pick<PrepareOptions, 'packed' | 'relaxed' | 'passedChecks'>> {
  if (!isNode()) return { packed: false, relaxed: !reproducible };
  const features = await import('../../kernels/wasm/packing.node.ts');
  const packed = packing && features.enablePacking();
  const isExperimental = features.relaxedIsExperimental();
  const isChecked = isExperimental && packing && precision === 'fast' && !reproducible;
  if (isChecked) features.enableRelaxed();
  return {
    packed,
    relaxed: isChecked ? 'checked' : !reproducible && !isExperimental,
    passedChecks: packed || isChecked ? (await import('../cache-folder.node.ts')).cacheFolder() : undefined,
  };
}

/** Whether the runtime has WebAssembly and compiles 128-bit SIMD: a function that returns `i8x16.splat(0)`'s first lane. */
function hasSimd(): boolean {
  const module = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11];
  return typeof WebAssembly === 'object' && WebAssembly.validate(Uint8Array.from(module));
}

function chooseThreads(wanted: number | undefined, backend: BackendName, worker: boolean): number {
  if (backend !== 'wasm') return 1;
  if (!worker || !canShareMemory()) {
    if (wanted === undefined || wanted === 1) return 1;
    throw new InputError(
      'option',
      worker
        ? `${wanted} threads need shared memory, which this page does not have: make it cross-origin isolated with COOP and COEP headers`
        : `${wanted} threads need workers: do not set the option worker to false`,
    );
  }
  return wanted ?? Math.min(cpuCount(), MAX_DEFAULT_THREADS);
}
