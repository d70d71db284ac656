/**
 * @file The module that a compute worker runs: loads the model into a backend of its own (over memory that it shares
 * with its team) and computes one forward after the other.
 */
import { type ByteSource, openGguf } from '../gguf/index.ts';
import type { Tuning } from '../kernels/webgpu/index.ts';
import { type LoadedModel, loadModel } from '../models/index.ts';
import type { Backend } from '../tensor/backend.ts';
import { listenToParent } from './platform.ts';
import { type ProfileSource, readProfile } from './profile.ts';
import { type FromWorker, receiveError, sendError, type ToWorker, type WorkerBackend } from './protocol.ts';

type Message<Kind extends ToWorker['kind']> = Extract<ToWorker, { kind: Kind }>;

/** Bytes asked for at a time, so that a large tensor is never held twice. */
const READ_SIZE = 1 << 20;

const reads = new Map<number, { resolve: (buffer: ArrayBuffer) => void; reject: (error: Error) => void }>();
/** Buffers of `READ_SIZE` that are not on their way. */
const buffers: ArrayBuffer[] = [];
let nReads = 0;
let loaded: (Made & { readonly model: LoadedModel; readonly isFirst: boolean }) | undefined;

/** A backend, and what only some have. */
interface Made {
  readonly backend: Backend & ProfileSource & { readonly tuning?: Tuning };
  readonly setTeam: (n: number) => void;
}

const port = listenToParent((message) => void handle(message as ToWorker));

function post(message: FromWorker, transfer?: ArrayBuffer[]): void {
  port.post(message, transfer);
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'load':
      return load(message).catch((error) => post({ kind: 'loadFailed', error: sendError(error) }));
    case 'run':
      return run(message).catch((error) => post({ kind: 'runFailed', id: message.id, error: sendError(error) }));
    case 'profile':
      return post({ kind: 'profiled', profile: readProfile(loaded?.backend ?? {}) });
    case 'bytes':
      return takeRead(message.id).resolve(message.buffer);
    case 'readFailed':
      return takeRead(message.id).reject(receiveError(message.error));
  }
}

async function load({ backend: wanted, source }: Message<'load'>): Promise<void> {
  const { backend, setTeam } = await makeBackend(wanted);
  const isFirst = !('rank' in wanted) || wanted.rank === 0;
  const model = await loadModel(await openGguf(ownerSource(source.name, source.size)), backend, {
    fill: isFirst,
    onProgress: (done, total) => post({ kind: 'progress', done, total }),
  });
  buffers.length = 0;
  loaded = { backend, model, setTeam, isFirst };
  post({ kind: 'loaded', description: backend.description });
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

async function run({ id, batch, pooling, team }: Message<'run'>): Promise<void> {
  if (loaded === undefined) throw new Error('no model is loaded in this worker');
  const { backend, model, setTeam, isFirst } = loaded;
  const { ops } = backend;
  setTeam(team);
  ops.begin(batch);
  const before = countTiles(backend.tuning);
  const values = await ops.read(model.pool(ops, model.forward(ops), pooling));
  const { tuning } = backend;
  if (tuning !== undefined && countTiles(tuning) > before) post({ kind: 'tuned', tuning });
  if (isFirst) post({ kind: 'done', id, values }, [values.buffer as ArrayBuffer]);
}

function countTiles(tuning: Tuning | undefined): number {
  return tuning === undefined ? 0 : Object.keys(tuning.tiles).length;
}

/** The owner's file, read by messages. */
function ownerSource(name: string, size: number): ByteSource {
  return {
    name,
    size,
    async read(offset, into) {
      for (let at = 0; at < into.length; at += READ_SIZE) {
        const length = Math.min(READ_SIZE, into.length - at);
        const buffer = await ask(offset + at, length);
        into.set(new Uint8Array(buffer, 0, length), at);
        buffers.push(buffer);
      }
    },
    async close() {},
  };
}

function ask(offset: number, length: number): Promise<ArrayBuffer> {
  const id = nReads++;
  const buffer = buffers.pop() ?? new ArrayBuffer(READ_SIZE);
  post({ kind: 'read', id, offset, length, buffer }, [buffer]);
  return new Promise((resolve, reject) => reads.set(id, { resolve, reject }));
}

function takeRead(id: number) {
  const read = reads.get(id);
  if (read === undefined) throw new Error(`no read ${id} is under way`);
  reads.delete(id);
  return read;
}
