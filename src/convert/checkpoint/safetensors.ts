/**
 * @file Reads safetensors files: a JSON header with the position of each tensor, then the data.
 */
import { type ByteSource, describeSource, nElements } from '../../gguf/index.ts';
import { isObject, type Json } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';
import { type Checkpoint, type CheckpointTensor, type DType, dtypeBytes } from './tensors.ts';

/** Most bytes of the header, as in the format's own reader. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Opens one file. Tensors come in the order of their names, by code point.
 * @throws ConvertError if the header is damaged or a tensor extends past the end of the file; the source is then closed
 */
export async function openSafetensors(source: ByteSource): Promise<Checkpoint> {
  try {
    return { tensors: await readDirectory(source), close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readDirectory(source: ByteSource): Promise<CheckpointTensor[]> {
  const fail = (problem: string, cause?: unknown) => new ConvertError(problem, source.name, cause);
  const refuse = async (problem: string, cause?: unknown) => {
    const found = await describeSource(source, 'safetensors');
    return fail(found === undefined ? problem : `not a safetensors file: it is ${found}`, cause);
  };
  if (source.size < 8) throw await refuse(`the file has ${source.size} bytes, too few for a safetensors file`);
  const length = new Uint8Array(8);
  await source.read(0, length);
  const size = new DataView(length.buffer).getBigUint64(0, true);
  if (size > MAX_HEADER_BYTES || Number(size) > source.size - 8) {
    throw await refuse(
      `the header length is ${size} bytes, but ${source.size - 8} follow (at most ${MAX_HEADER_BYTES} are allowed)`,
    );
  }
  const bytes = new Uint8Array(Number(size));
  await source.read(8, bytes);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw await refuse(`the header is not JSON: ${(cause as Error).message}`, cause);
  }
  if (!isObject(header)) throw fail('the header is not a JSON object');
  const dataOffset = 8 + bytes.length;
  const entries = Object.entries(header as Record<string, Json>).filter(([name]) => name !== '__metadata__');
  const tensors = entries
    .sort(([a], [b]) => byCodePoint(a, b))
    .map(([name, entry]) => readEntry(source, dataOffset, name, entry));
  checkDistinct(entries, source);
  return tensors;
}

/** @throws ConvertError if two tensors share bytes: a wrong offset would give the values of another one */
function checkDistinct(entries: readonly (readonly [string, Json])[], source: ByteSource): void {
  const places = entries.map(([name, entry]) => ({ name, range: entry.data_offsets as readonly [number, number] }));
  places.sort(({ range: a }, { range: b }) => a[0] - b[0] || a[1] - b[1]);
  let before = { name: '', end: 0 };
  for (const { name, range } of places) {
    if (range[0] < before.end) {
      throw new ConvertError(
        `tensor ${name}: its data begins at byte ${range[0]}, but that of ${before.name} ends at ${before.end}`,
        source.name,
      );
    }
    before = { name, end: range[1] };
  }
}

function readEntry(source: ByteSource, dataOffset: number, name: string, entry: unknown): CheckpointTensor {
  const fail = (problem: string) => new ConvertError(`tensor ${name}: ${problem}`, source.name);
  if (!isObject(entry)) throw fail('its entry is not an object');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypeBytes, dtype)) {
    throw fail(`the type ${JSON.stringify(dtype)} is not supported`);
  }
  if (!isSizes(shape)) throw fail(`${JSON.stringify(shape)} is not a valid shape`);
  if (!isSizes(offsets) || offsets.length !== 2) throw fail(`${JSON.stringify(offsets)} are not valid offsets`);
  const [begin, end] = offsets;
  const width = dtypeBytes[dtype as DType];
  if (end - begin !== nElements(shape) * width || dataOffset + end > source.size) {
    throw fail(`bytes ${begin} to ${end} of the data do not hold ${dtype} [${shape.join(', ')}] of this file`);
  }
  return {
    name,
    dtype: dtype as DType,
    shape,
    read: (first, into) => source.read(dataOffset + begin + first * width, into),
  };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** UTF-16 order differs from code point order beyond the basic plane. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
