/**
 * @file The module that a compute worker runs: loads the model into its own backend (over memory that it shares
 * with its team) and computes one forward pass after the other.
 */
import { type ByteSource, openSnapshot } from '../gguf/index.ts';
import type { Tuning } from '../kernels/webgpu/index.ts';
import { type LoadedModel, loadModel } from '../models/index.ts';
import type { Backend } from '../tensor/backend.ts';
import type { Observer } from '../tensor/ops.ts';
import { linkToOwner, Transferred } from '../workers/index.ts';
import { type ProfileSource, readProfile } from './profile.ts';
import { type TeamOwnerMethods, type TeamWorkerMethods, teamErrorClasses, type WorkerBackend } from './team-methods.ts';

/** Bytes of one read, so that a large tensor is never in memory twice. */
const READ_SIZE = 1 << 20;

/** Buffers of `READ_SIZE` that are not in transfer. */
const buffers: ArrayBuffer[] = [];
let loaded: (Made & { readonly model: LoadedModel; readonly isFirst: boolean }) | undefined;

/** A backend, and the features that only some have. */
interface Made {
  readonly backend: Backend & ProfileSource & { readonly tuning?: Tuning };
  readonly setTeam: (n: number) => void;
}

const owner = linkToOwner<TeamWorkerMethods, TeamOwnerMethods>(
  { load, run, profile: () => readProfile(loaded?.backend ?? {}) },
  teamErrorClasses,
);

async function load(params: Parameters<TeamWorkerMethods['load']>[0]): Promise<string> {
  const { backend: wanted, snapshot } = params;
  const { backend, setTeam } = await makeBackend(wanted);
  const share = 'rank' in wanted ? { rank: wanted.rank, nRanks: wanted.setup.nThreads } : { rank: 0, nRanks: 1 };
  const source = await openShared(params.source);
  const model = await loadModel(openSnapshot(snapshot, source), backend, {
    share,
    onProgress: (done, total) => owner.notify('progress', { done, total }),
  });
  buffers.length = 0;
  loaded = { backend, model, setTeam, isFirst: share.rank === 0 };
  return backend.description;
}

async function makeBackend(wanted: WorkerBackend): Promise<Made> {
  if (wanted.name === 'reference') {
    const { createReferenceBackend } = await import('../kernels/reference/index.ts');
    return { backend: await createReferenceBackend(), setTeam: () => {} };
  }
  if (wanted.name === 'webgpu') {
    const { createWebGpuBackend } = await import('../kernels/webgpu/index.ts');
    return { backend: await createWebGpuBackend(wanted.options), setTeam: () => {} };
  }
  const { createWasmBackend, prepareWasm, Profile } = await import('../kernels/wasm/index.ts');
  const { precision } = wanted;
  const backend = await createWasmBackend(
    'rank' in wanted
      ? { precision, setup: wanted.setup, rank: wanted.rank }
      : { precision, setup: await prepareWasm(wanted.setup) },
  );
  if (wanted.profile) backend.profile = new Profile();
  return { backend, setTeam: (n) => backend.setTeam(n) };
}

async function run({ batch, pooling, team, observed }: Parameters<TeamWorkerMethods['run']>[0]) {
  if (loaded === undefined) throw new Error('this worker has no model');
  const { backend, model, setTeam, isFirst } = loaded;
  const { ops } = backend;
  setTeam(team);
  backend.observe(observed ? showStep : undefined);
  ops.begin(batch);
  const before = countTiles(backend.tuning);
  const hidden = observed ? model.namedForward(ops) : model.forward(ops);
  const values = await ops.read(model.pool(ops, hidden, pooling));
  const { tuning } = backend;
  if (tuning !== undefined && countTiles(tuning) > before) owner.notify('tuned', tuning);
  return isFirst ? new Transferred(values, [values.buffer as ArrayBuffer]) : undefined;
}

/** Only rank 0 reports the steps. */
const showStep: Observer = (name, values, rows, cols) => {
  owner.notify('step', { name, values, rows, cols }, [values.buffer as ArrayBuffer]);
};

function countTiles(tuning: Tuning | undefined): number {
  return tuning === undefined ? 0 : Object.keys(tuning.tiles).length;
}

/** The owner's file: read by its descriptor where there is one, else by messages. */
async function openShared(place: Parameters<TeamWorkerMethods['load']>[0]['source']): Promise<ByteSource> {
  const { name, size, descriptor } = place;
  if (descriptor === undefined) return ownerSource(name, size);
  const { openDescriptor } = await import('../gguf/file.node.ts');
  return openDescriptor({ name, size, descriptor });
}

/** The owner's file, read by messages. */
function ownerSource(name: string, size: number): ByteSource {
  return {
    name,
    size,
    async read(offset, into) {
      for (let at = 0; at < into.length; at += READ_SIZE) {
        const length = Math.min(READ_SIZE, into.length - at);
        const free = buffers.pop() ?? new ArrayBuffer(READ_SIZE);
        const params = { offset: offset + at, length, buffer: free };
        const buffer = await owner.request('read', params, { transfer: [free] });
        into.set(new Uint8Array(buffer, 0, length), at);
        buffers.push(buffer);
      }
    },
    async close() {},
  };
}
