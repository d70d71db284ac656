/**
 * @file numpy's `.npz`: a zip archive with one `.npy` file for each array, written and read.
 *
 * A `.npy` file is a magic number, a header that is a Python literal, and the values. Only arrays of float32 and int32 in C order, as numpy
 * writes them, can be read, and `precision`, which is a text.
 */
import { unzipSync, zipSync } from 'fflate';
import { bytesOf, copyOf, type NamedArray, type TraceArrays } from './arrays.ts';
import { RecordError } from './recorded.ts';

/** Maximum size of an archive: its offsets have 32 bits, and it is made in memory. */
const MAX_BYTES = 2 ** 31;
const magic = '\x93NUMPY\x01\x00';
/** The file of the text, and most of its characters. */
const PRECISION = 'precision.npy';
const MAX_CHARACTERS = 16;
const types = { '<f4': Float32Array, '<i4': Int32Array } as const;

/**
 * The arrays as an archive that `numpy.load` reads.
 * @throws RecordError for more than 2 GiB
 */
export function writeNpz({ arrays, precision }: TraceArrays): Uint8Array {
  const total = arrays.reduce((sum, { values }) => sum + values.byteLength, 0);
  if (total > MAX_BYTES) throw new RecordError('an .npz file holds at most 2 GiB: keep fewer tensors with --only');
  const files = arrays.map((array) => {
    const descr = array.values instanceof Int32Array ? '<i4' : '<f4';
    return [`${array.name}.npy`, npy(descr, array.shape, bytesOf(array))] as const;
  });
  if (precision !== undefined) {
    const text = new Uint8Array(Int32Array.from(precision, (letter) => letter.charCodeAt(0)).buffer);
    files.unshift([PRECISION, npy(`<U${precision.length}`, [], text)]);
  }
  return zipSync(Object.fromEntries(files), { level: 0, mtime: '1980-01-01' });
}

/**
 * The arrays of an archive, in its order.
 * @throws RecordError when it is damaged or holds other arrays
 */
export function readNpz(bytes: Uint8Array): TraceArrays {
  let total = 0;
  const within = ({ originalSize }: { originalSize: number }) => (total += originalSize) <= MAX_BYTES;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, { filter: within });
  } catch (cause) {
    throw new RecordError(`the archive is damaged: ${(cause as Error).message}`, { cause });
  }
  if (total > MAX_BYTES) throw new RecordError('the archive unpacks to more than 2 GiB');
  const { [PRECISION]: text, ...others } = files;
  const arrays = Object.entries(others).map(([name, file]) => readNpy(name, file));
  return { arrays, precision: text && textOf(text) };
}

function npy(descr: string, shape: readonly number[], bytes: Uint8Array): Uint8Array {
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((n) => `${n},`).join(' ')}), }`;
  // The values begin at a multiple of 64, after a line break.
  const length = Math.ceil((magic.length + 2 + literal.length + 1) / 64) * 64 - magic.length - 2;
  const header = `${magic}${String.fromCharCode(length & 255, length >> 8)}${literal.padEnd(length - 1)}\n`;
  const file = new Uint8Array(header.length + bytes.length);
  for (let i = 0; i < header.length; i++) file[i] = header.charCodeAt(i);
  file.set(bytes, header.length);
  return file;
}

function readNpy(fileName: string, file: Uint8Array): NamedArray {
  const name = fileName.replace(/\.npy$/, '');
  const fail = (problem: string) => new RecordError(`${fileName}: ${problem}`);
  const text = String.fromCharCode(...file.subarray(0, magic.length));
  if (text !== magic || file.length < 10) throw fail('it is not an array of numpy (format version 1.0)');
  const start = startOf(file);
  const header = String.fromCharCode(...file.subarray(10, Math.min(start, file.length)));
  const [, descr] = /'descr': '([^']*)'/.exec(header) ?? [];
  const [, sizes] = /'shape': \(([\d, ]*)\)/.exec(header) ?? [];
  if (sizes === undefined || !/'fortran_order': False/.test(header) || !(descr === '<f4' || descr === '<i4')) {
    throw fail(`its header is ${JSON.stringify(header.trim())}; only float32 and int32 in C order are read`);
  }
  const shape = sizes.split(',').map(Number);
  if (sizes.trim().endsWith(',') || sizes.trim() === '') shape.pop();
  const n = shape.reduce((product, size) => product * size, 1);
  const data = file.subarray(start);
  if (data.length !== n * 4) throw fail(`it has ${data.length} bytes for the shape [${shape}]`);
  return { name, shape, values: new types[descr](copyOf(data)) };
}

/** Where the values of a `.npy` file begin. */
function startOf(file: Uint8Array): number {
  return 10 + file[8] + 256 * file[9];
}

/** The value of an array that is one text: four bytes a character, here of ASCII. */
function textOf(file: Uint8Array): string {
  const start = startOf(file);
  return String.fromCharCode(...file.subarray(start, start + 4 * MAX_CHARACTERS).filter((_, i) => i % 4 === 0));
}
