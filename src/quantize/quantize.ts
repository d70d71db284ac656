/**
 * @file Rewrites a model with its matrices in another type, one piece at a time.
 */
import { abortSignal, callback, flag, type OptionTable, readOptions } from '../check-options.ts';
import {
  type ByteSink,
  GgufError,
  type GgufFile,
  GgufWriter,
  ggmlTypes,
  nElements,
  QUANTIZATION_VERSION,
  rowBytes,
} from '../gguf/index.ts';
import { findUnwritable } from '../tensor/codecs/check-values.ts';
import { codecs } from '../tensor/codecs/index.ts';
import { Turn } from '../turn.ts';
import { chooseTypes, type TargetTypeName, type TensorPlan, targetTypes } from './types.ts';

/** Progress of `quantize`. */
export interface QuantizeProgress {
  /** The current tensor, with its new type. */
  readonly tensor: TensorPlan;
  /** The tensor's index in the file, from 0, and the number of tensors. */
  readonly index: number;
  readonly nTensors: number;
  /** Bytes read of the old file's tensors, and their total. */
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Options of `quantize`. */
export interface QuantizeOptions {
  /** Give every matrix the same type instead of the mix that `llama-quantize` makes. Default false. */
  readonly pure?: boolean;
  /** Accept a file that is already quantised, although its lost precision cannot be recovered. Default false. */
  readonly allowRequantize?: boolean;
  /** Called after each piece. */
  readonly onProgress?: (progress: QuantizeProgress) => void;
  readonly signal?: AbortSignal;
}

const quantizeOptions: OptionTable<QuantizeOptions> = {
  pure: flag,
  allowRequantize: flag,
  onProgress: callback,
  signal: abortSignal,
};

/** Values converted at a time: a multiple of every block size. All buffers together stay under a megabyte. */
const PIECE = 1 << 16;

/** Milliseconds after which other tasks of the thread get a turn. */
const TURN_MS = 50;

/**
 * Writes the model `file` to `sink`, with its matrices in the types that llama.cpp chooses for `type`. Everything else stays unchanged.
 * Memory use does not depend on the size of the model.
 * @returns the tensors in the order of the new file, with their types
 * @throws GgufError for a file that is quantised already (see `allowRequantize`), for values that are not finite or too large, and
 *   for errors of reading and writing. The sink then holds part of a file. When `signal` is aborted, its reason is thrown.
 */
export async function quantize(
  file: GgufFile,
  sink: ByteSink,
  type: TargetTypeName,
  given: QuantizeOptions = {},
): Promise<readonly TensorPlan[]> {
  const options = readOptions('quantize', given, quantizeOptions, (message, cause) => new GgufError(message, cause));
  const target = targetTypes.find(({ name }) => name === type);
  if (target === undefined)
    throw new RangeError(`${type} is not one of ${targetTypes.map(({ name }) => name).join(', ')}`);
  const plan = chooseTypes(file, target, options.pure);
  if (!options.allowRequantize) refuseQuantised(file, plan);

  const writer = new GgufWriter(sink);
  const set = ['general.quantization_version', 'general.file_type'];
  for (const key of file.metadata.keys()) {
    if (!set.includes(key) && !key.startsWith('split.')) writer.set(key, file.metadata.typed(key)!);
  }
  writer.set('general.quantization_version', { type: 'uint32', value: QUANTIZATION_VERSION });
  writer.set('general.file_type', { type: 'uint32', value: target.id });
  for (const { info, type } of plan) writer.addTensor(info.name, type, info.shape);
  await writer.writeHeader();

  const totalBytes = plan.reduce((sum, { info }) => sum + info.byteLength, 0);
  let bytes = 0;
  const turn = new Turn(TURN_MS);
  const afterPiece = async (index: number, nBytes: number) => {
    bytes += nBytes;
    options.onProgress?.({ tensor: plan[index], index, nTensors: plan.length, bytes, totalBytes });
    if (turn.isOver) await turn.pass();
    options.signal?.throwIfAborted();
  };
  options.signal?.throwIfAborted();
  for (const [index, tensor] of plan.entries()) {
    await writer.writeTensor(
      tensor.info.name,
      convert(file, tensor, (nBytes) => afterPiece(index, nBytes)),
    );
  }
  writer.finish();
  return plan;
}

function refuseQuantised(file: GgufFile, plan: readonly TensorPlan[]): void {
  const lossy = plan.find(({ info, type }) => info.type.blockSize > 1 && type !== info.type);
  if (lossy === undefined) return;
  throw new GgufError(
    `it is already ${lossy.info.type.name}, and quantising it again loses more precision: ` +
      'start from an F32, F16 or BF16 file, or allow requantising',
    { source: file.name, tensor: lossy.info.name },
  );
}

/**
 * The data of a tensor in its new type, in pieces. Each piece is overwritten by the next. `done` receives the number of bytes read for
 * each.
 */
async function* convert(
  file: GgufFile,
  { info, type }: TensorPlan,
  done: (nBytes: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const nValues = nElements(info.shape);
  const size = Math.min(PIECE, nValues);
  const before = new Uint8Array(rowBytes(info.type, size));
  const values = new Float32Array(size);
  const after = new Uint8Array(rowBytes(type, size));
  for (let first = 0; first < nValues; first += size) {
    const n = Math.min(size, nValues - first);
    const piece = before.subarray(0, rowBytes(info.type, n));
    await file.readTensor(info, rowBytes(info.type, first), piece);
    codecs[info.type.name].dequantize(piece, values, n);
    const isCopy = info.type === type;
    const problem = findUnwritable(values.subarray(0, n), isCopy ? ggmlTypes.F32 : type, first);
    if (problem !== undefined) throw new GgufError(problem, { source: file.name, tensor: info.name });
    if (isCopy) {
      yield piece;
    } else {
      codecs[type.name].quantize!(values, after, n);
      yield after.subarray(0, rowBytes(type, n));
    }
    await done(piece.length);
  }
}
