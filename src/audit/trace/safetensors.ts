/**
 * @file safetensors files of the arrays of a trace: the length of a JSON header, the header, then the data.
 */
import { bytesOf, copyOf, type TraceArrays } from './arrays.ts';
import { RecordError } from './recorded.ts';

const types = { F32: Float32Array, I32: Int32Array } as const;

interface Entry {
  readonly dtype: keyof typeof types;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

/** The pieces of a file, in order. */
export function* writeSafetensors({ arrays, precision }: TraceArrays): Generator<Uint8Array> {
  let end = 0;
  const entries = arrays.map(({ name, shape, values }): [string, Entry] => {
    const begin = end;
    end += values.byteLength;
    const dtype = values instanceof Int32Array ? 'I32' : 'F32';
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const metadata = { format: 'gguf-embed trace', precision };
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const text = new TextEncoder().encode(json);
  // Spaces bring the data to a multiple of 8.
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  yield header;
  for (const array of arrays) yield bytesOf(array);
}

/**
 * The arrays of a file, in the order of its data.
 * @throws RecordError when it is damaged or holds other types than F32 and I32
 */
export function readSafetensors(file: Uint8Array): TraceArrays {
  const size = file.length < 8 ? Number.NaN : Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (!(size <= file.length - 8))
    throw new RecordError('it is not a safetensors file: its header is longer than the file');
  const data = file.subarray(8 + size);
  const { __metadata__: metadata, ...entries } = parseHeader(file.subarray(8, 8 + size));
  const arrays = Object.entries(entries)
    .map(([name, entry]) => [name, checkEntry(name, entry, data.length)] as const)
    .sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0])
    .map(([name, { dtype, shape, data_offsets: offsets }]) => ({
      name,
      shape,
      values: new types[dtype](copyOf(data.subarray(...offsets))),
    }));
  const { precision } = (metadata ?? {}) as { precision?: unknown };
  return { arrays, precision: typeof precision === 'string' ? precision : undefined };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof header === 'object' && header !== null) return header as Record<string, unknown>;
  } catch (cause) {
    throw new RecordError(`its header is not JSON: ${(cause as Error).message}`, { cause });
  }
  throw new RecordError('its header is not a JSON object');
}

function checkEntry(name: string, value: unknown, nBytes: number): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<Entry>;
  if (dtype !== 'F32' && dtype !== 'I32') throw new RecordError(`${name} is ${dtype}; only F32 and I32 are read`);
  const isSizes = (list: unknown) => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (shape === undefined || offsets === undefined || !isSizes(shape) || !isSizes(offsets)) {
    throw new RecordError(`${name} has no shape or no offsets`);
  }
  const n = shape.reduce((product, length) => product * length, 1);
  const [begin, end] = offsets;
  if (end - begin !== n * 4 || end > nBytes)
    throw new RecordError(`${name} has offsets that do not match its shape or the file`);
  return { dtype, shape, data_offsets: [begin, end] };
}
