/**
 * @file The module that a compute worker runs: loads the model into its own backend (over memory that it shares
 * with its team) and computes one forward pass after the other.
 */
import { type ByteSource, type GgufFile, openSnapshot } from '../../gguf/index.ts';
import { ImageError } from '../../image/errors.ts';
import type { WasmBackend } from '../../kernels/wasm/index.ts';
import type { BatchBounds, Tuning } from '../../kernels/webgpu/index.ts';
import { type LoadedModel, loadModel, runForward } from '../../models/index.ts';
import { isUnfinished, type LoadedTower, loadTower, type TowerResult } from '../../models/vision/index.ts';
import type { Backend } from '../../tensor/backend.ts';
import type { Observer } from '../../tensor/ops.ts';
import { linkToOwner, RequestReceiver, Transferred } from '../../workers/index.ts';
import { type ProfileSource, readProfile } from '../trace/profile.ts';
import { type Forward, readForward } from './shared-batch.ts';
import {
  type FileName,
  type LoadedWorker,
  type SharedFile,
  type TeamOwnerMethods,
  type TeamWorkerMethods,
  teamErrorClasses,
  type WorkerBackend,
} from './team-methods.ts';

/** Bytes of one read, so that a large tensor is never in memory twice. */
const READ_SIZE = 1 << 20;

/** Buffers of `READ_SIZE` that are not in transfer. */
const buffers: ArrayBuffer[] = [];
let loaded: Loaded | undefined;

/** Where batches come through shared memory, if they do. */
let requests: RequestReceiver | undefined;
/** What was computed of the last batch in shared memory and is not in the answer. */
let kept: { readonly values?: Float32Array; readonly error?: unknown } = {};

interface Loaded extends Made {
  readonly model: LoadedModel;
  readonly tower?: LoadedTower;
  readonly isFirst: boolean;
}

/** A backend, and the features that only some have. */
interface Made {
  readonly backend: Backend &
    ProfileSource & { readonly tuning?: Tuning; readonly readsOnDemand?: boolean; readonly batchBounds?: BatchBounds };
  readonly setTeam: (n: number) => void;
  readonly setAlone?: () => void;
  readonly measure?: WasmBackend['measure'];
}

const owner = linkToOwner<TeamWorkerMethods, TeamOwnerMethods>(
  { start, load, run, look, collect, runTower, prepare, measure, profile: () => readProfile(loaded?.backend ?? {}) },
  [...teamErrorClasses, ImageError],
);

/** The modules of the backends, on demand. */
const backends = {
  reference: () => import('../../kernels/reference/index.ts'),
  wasm: () => import('../../kernels/wasm/index.ts'),
  webgpu: () => import('../../kernels/webgpu/index.ts'),
};

async function start({ backend }: Parameters<TeamWorkerMethods['start']>[0]): Promise<void> {
  await backends[backend]();
}

async function load(params: Parameters<TeamWorkerMethods['load']>[0]): Promise<LoadedWorker> {
  const { backend: wanted, projector, isFilled } = params;
  const adapters = await Promise.all(params.adapters.map((adapter, i) => openShared(i, adapter)));
  const made = await makeBackend(wanted);
  const { backend } = made;
  const share = 'rank' in wanted ? { rank: wanted.rank, nRanks: wanted.setup.nThreads } : { rank: 0, nRanks: 1 };
  let nRead = 0;
  const fill = (before: number) => ({
    share,
    onProgress: (done: number, total: number) => {
      nRead = before + done;
      owner.notify('progress', { done: nRead, total: before + total });
    },
  });
  const file = await openShared('model', params.model);
  const model = await loadModel(file, backend, { ...fill(0), adapters, isFilled });
  // The tower's weights lie where other ranks may still convert weights of the model.
  if (projector !== undefined) await owner.request('meet', undefined);
  const tower = projector && (await loadTower(await openShared('projector', projector), backend, fill(nRead)));
  buffers.length = 0;
  // The vocabulary, if it was needed for loading.
  for (const { metadata } of [file, ...adapters]) metadata.release();
  loaded = { ...made, model, tower, isFirst: share.rank === 0 };
  if (params.requests !== undefined) {
    requests = new RequestReceiver(params.requests.memory, params.requests.rank);
  }
  const { description, readsOnDemand = false, batchBounds } = backend;
  return { description, readsOnDemand, batchBounds };
}

async function makeBackend(wanted: WorkerBackend): Promise<Made> {
  if (wanted.name === 'reference') {
    const { createReferenceBackend } = await backends.reference();
    return { backend: await createReferenceBackend(), setTeam: () => {} };
  }
  if (wanted.name === 'webgpu') {
    const { createWebGpuBackend } = await backends.webgpu();
    return { backend: await createWebGpuBackend(wanted.options), setTeam: () => {} };
  }
  const { createWasmBackend, prepareWasm, Profile } = await backends.wasm();
  const { precision } = wanted;
  const backend = await createWasmBackend(
    'rank' in wanted
      ? { precision, setup: wanted.setup, rank: wanted.rank }
      : { precision, setup: await prepareWasm(wanted.setup) },
  );
  if (wanted.profile) backend.profile = new Profile();
  return {
    backend,
    setTeam: (n) => backend.setTeam(n),
    setAlone: () => backend.setAlone(),
    measure: (known) => backend.measure(known),
  };
}

async function run(params: Parameters<TeamWorkerMethods['run']>[0]) {
  const values = await compute(params);
  return answers(params) ? new Transferred(values, [values.buffer as ArrayBuffer]) : undefined;
}

/** Whether this worker has the values of a forward pass. */
function answers({ alone }: Forward): boolean {
  return alone || loaded?.isFirst === true;
}

/** Computes the batches that come through shared memory, until none comes for a while or a message waits. */
async function look(): Promise<void> {
  for (;;) {
    const received = requests?.next();
    if (received === undefined) return;
    const forward = readForward(received.request);
    kept = {};
    try {
      const values = await compute({ ...forward, observed: false });
      if (answers(forward) && !received.answer(values)) kept = { values };
    } catch (error) {
      kept = { error };
    }
    if (answers(forward) && Object.keys(kept).length > 0) received.keep();
  }
}

function collect() {
  const { values, error } = kept;
  kept = {};
  if (error !== undefined) throw error;
  return values && new Transferred(values, [values.buffer as ArrayBuffer]);
}

async function compute({ batch, pooling, team, alone, observed }: Parameters<TeamWorkerMethods['run']>[0]) {
  if (loaded === undefined) throw new Error('this worker has no model');
  const { backend, model, setTeam, setAlone } = loaded;
  if (alone) setAlone?.();
  else setTeam(team);
  backend.observe(observed ? showStep : undefined);
  const before = countTiles(backend.tuning);
  const values = await runForward(backend, model, batch, pooling, observed);
  const { tuning } = backend;
  if (tuning !== undefined && countTiles(tuning) > before) owner.notify('tuned', tuning);
  return values;
}

async function runTower({ from, nLayers, team, observed }: Parameters<TeamWorkerMethods['runTower']>[0]) {
  if (loaded?.tower === undefined) throw new Error('no vision tower is loaded in this worker');
  const { backend, tower, setTeam, isFirst } = loaded;
  setTeam(team);
  backend.observe(observed ? showStep : undefined);
  const result = await tower.advance(backend.ops, from, nLayers, observed);
  if (!isFirst) return undefined;
  if (!isUnfinished(result)) return new Transferred<TowerResult>(result, buffersOf(result));
  const { hidden, deepstack } = result;
  // All ranks get the hidden states again, which are up to 100 MB: they share one copy.
  if (team > 1) return { ...result, hidden: inSharedMemory(hidden) };
  return new Transferred<TowerResult>(result, buffersOf([hidden, ...deepstack]));
}

function inSharedMemory(values: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

function measure({ known }: Parameters<TeamWorkerMethods['measure']>[0]) {
  const costs = loaded?.measure?.(known);
  return loaded?.isFirst ? { costs } : undefined;
}

async function prepare({ image, options }: Parameters<TeamWorkerMethods['prepare']>[0]) {
  const { prepareImage } = await import('../images/prepare.ts');
  const pixels = await prepareImage(image, options);
  return new Transferred(pixels, buffersOf(pixels.map(({ rgb }) => rgb)));
}

function buffersOf(arrays: readonly ArrayBufferView[]): ArrayBuffer[] {
  return arrays.map(({ buffer }) => buffer as ArrayBuffer);
}

/** Only rank 0 reports the steps. */
const showStep: Observer = (name, values, rows, cols) => {
  owner.notify('step', { name, values, rows, cols }, [values.buffer as ArrayBuffer]);
};

function countTiles(tuning: Tuning | undefined): number {
  return tuning === undefined ? 0 : Object.keys(tuning.tiles).length;
}

/** A file of the owner: read by its descriptor where there is one, else by messages. */
async function openShared(file: FileName, { source, snapshot }: SharedFile): Promise<GgufFile> {
  const { name, size, descriptor, staysOpen } = source;
  if (descriptor === undefined) return openSnapshot(snapshot, ownerSource(file, name, size));
  const { onDemandReads, openDescriptor } = await import('../../gguf/file.node.ts');
  const place = { name, size, descriptor };
  const onDemand = staysOpen ? onDemandReads(place) : undefined;
  return openSnapshot(snapshot, { ...openDescriptor(place), onDemand });
}

/** A file of the owner, read by messages. */
function ownerSource(file: FileName, name: string, size: number): ByteSource {
  return {
    name,
    size,
    async read(offset, into) {
      for (let at = 0; at < into.length; at += READ_SIZE) {
        const length = Math.min(READ_SIZE, into.length - at);
        const free = buffers.pop() ?? new ArrayBuffer(READ_SIZE);
        const params = { file, offset: offset + at, length, buffer: free };
        const buffer = await owner.request('read', params, { transfer: [free] });
        into.set(new Uint8Array(buffer, 0, length), at);
        buffers.push(buffer);
      }
    },
    async close() {},
  };
}
