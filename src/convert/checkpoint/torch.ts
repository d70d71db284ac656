/**
 * @file Reads `pytorch_model.bin`: a zip file with a pickle that describes the tensors, and one member for each storage
 * that they view.
 */
import { type ByteSource, nElements } from '../../gguf/index.ts';
import { ConvertError } from '../conversion-error.ts';
import { PickleCall, PickleGlobal, PicklePersistent, type PickleValue, readPickle } from './pickle.ts';
import { type Checkpoint, type CheckpointTensor, type DType, dtypeBytes } from './tensors.ts';
import { openEntry, readZip, type ZipEntry } from './zip.ts';

/** Types of storages by their Python names. */
const dtypes: Readonly<Record<string, DType>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};

/** Most bytes of the pickle; it has a few hundred for each tensor. */
const MAX_PICKLE_BYTES = 64 * 1024 * 1024;

/**
 * Opens one file. Tensors come in the order of the pickled dict.
 * @throws ConvertError if it is not such a file, is damaged, or does not hold a dict of tensors; the source is then closed
 */
export async function openTorch(source: ByteSource): Promise<Checkpoint> {
  try {
    return { tensors: await readTensors(source), close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readTensors(source: ByteSource): Promise<CheckpointTensor[]> {
  const entries = await readZip(source);
  const pickle = [...entries.values()].find(({ name }) => name === 'data.pkl' || name.endsWith('/data.pkl'));
  if (pickle === undefined) throw new ConvertError('there is no data.pkl in the archive', source.name);
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  await checkByteOrder(source, entries.get(`${folder}byteorder`));
  if (pickle.size > MAX_PICKLE_BYTES)
    throw new ConvertError(`data.pkl has ${pickle.size} bytes; at most ${MAX_PICKLE_BYTES} are allowed`, source.name);
  const bytes = new Uint8Array(pickle.size);
  await (await openEntry(source, pickle)).read(0, bytes);
  const dict = readPickle(bytes, source.name);
  if (!(dict instanceof Map)) throw new ConvertError('the checkpoint is not a dict of tensors', source.name);
  const storages = new Storages(source, folder, entries);
  return Promise.all(Array.from(dict, ([name, value]) => readTensor(source.name, storages, name, value)));
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (entry === undefined) return;
  const bytes = new Uint8Array(Math.min(entry.size, 16));
  await (await openEntry(source, entry)).read(0, bytes);
  const order = new TextDecoder().decode(bytes);
  if (order !== 'little')
    throw new ConvertError(`its numbers are ${order}-endian; expected little-endian`, source.name);
}

/** A storage, opened once for all its tensors. */
class Storages {
  readonly #source: ByteSource;
  readonly #folder: string;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  readonly #opened = new Map<string, Promise<ByteSource>>();

  constructor(source: ByteSource, folder: string, entries: ReadonlyMap<string, ZipEntry>) {
    this.#source = source;
    this.#folder = folder;
    this.#entries = entries;
  }

  open(key: string): Promise<ByteSource> {
    const name = `${this.#folder}data/${key}`;
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new ConvertError(`the archive has no member ${name}`, this.#source.name);
    const opened = this.#opened.get(key) ?? openEntry(this.#source, entry);
    this.#opened.set(key, opened);
    return opened;
  }
}

async function readTensor(
  file: string,
  storages: Storages,
  name: PickleValue,
  value: PickleValue,
): Promise<CheckpointTensor> {
  const fail = (problem: string) => new ConvertError(`tensor ${String(name)}: ${problem}`, file);
  if (typeof name !== 'string') throw fail('expected a name');
  const args = tensorArguments(value);
  if (args === undefined) throw fail('it is not a tensor');
  const [persistent, offset, shape, strides] = args;
  const id = persistent instanceof PicklePersistent ? persistent.id : undefined;
  if (!Array.isArray(id) || id[0] !== 'storage' || !(id[1] instanceof PickleGlobal)) throw fail('it has no storage');
  const dtype = dtypes[id[1].path];
  if (dtype === undefined) throw fail(`storages of the type ${id[1].path} are not supported`);
  if (!isSize(offset) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length) {
    throw fail('its offset, shape or strides are invalid');
  }
  const storage = await storages.open(String(id[2]));
  const n = nElements(shape);
  const end = n === 0 ? offset : offset + 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 0);
  if (!(Math.max(n, end) * dtypeBytes[dtype] <= storage.size))
    throw fail(`it extends past the end of its storage of ${storage.size} bytes`);
  const view: View = { storage, width: dtypeBytes[dtype], offset, shape, strides, end };
  return { name, dtype, shape, read: isContiguous(shape, strides) ? readPlain(view) : readStrided(view) };
}

/** Arguments of `_rebuild_tensor_v2`, also inside `_rebuild_parameter`. */
function tensorArguments(value: PickleValue): readonly PickleValue[] | undefined {
  const isCall = (of: PickleValue, name: string): of is PickleCall =>
    of instanceof PickleCall && of.callee.path === `torch._utils.${name}`;
  const tensor = isCall(value, '_rebuild_parameter') ? value.args[0] : value;
  return isCall(tensor, '_rebuild_tensor_v2') ? tensor.args : undefined;
}

/** A tensor as a view of a storage; all fields except `width` count values. */
interface View {
  readonly storage: ByteSource;
  readonly width: number;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly end: number;
}

function readPlain({ storage, width, offset }: View): CheckpointTensor['read'] {
  return (first, into) => storage.read((offset + first) * width, into);
}

/** Reads the range of the storage that the tensor spans, and gathers its values. */
function readStrided({ storage, width, offset, shape, strides, end }: View): CheckpointTensor['read'] {
  let span: Uint8Array | undefined;
  const n = nElements(shape);
  return async (first, into) => {
    if (span === undefined) {
      span = new Uint8Array((end - offset) * width);
      await storage.read(offset * width, span);
    }
    for (let i = 0; i < into.length / width; i++) {
      let at = 0;
      for (let axis = shape.length - 1, rest = first + i; axis >= 0; axis--) {
        at += (rest % shape[axis]) * strides[axis];
        rest = Math.floor(rest / shape[axis]);
      }
      for (let b = 0; b < width; b++) into[i * width + b] = span[at * width + b];
    }
    if (first + into.length / width >= n) span = undefined;
  };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

function isSize(value: PickleValue): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isSizes(value: PickleValue): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
