/**
 * @file The table of static embeddings as one tensor with a row for each token.
 *
 * ```
 * embeddings (or embedding.weight)  [rows, nEmbd]  vectors
 * mapping                           [nTokens]      row of each token; without it, row = token
 * weights                           [nTokens]      factor of each token; without it, 1
 * ```
 */
import { type CheckpointTensor, dtypeBytes } from '../checkpoint/tensors.ts';
import { ConvertError } from '../conversion-error.ts';
import { decode } from '../output-types.ts';

const tableNames = ['embeddings', 'embedding.weight'];
const known = [...tableNames, 'weights', 'mapping'];

/**
 * The table, row by row: `weights[token] · embeddings[mapping[token]]` in float32.
 * @param blank a token whose row is 0
 * @throws ConvertError for tensors that are missing, not known, or of other sizes
 */
export async function readTable(
  tensors: readonly CheckpointTensor[],
  nTokens: number,
  blank: number | undefined,
): Promise<CheckpointTensor> {
  const find = (name: string) => tensors.find((tensor) => tensor.name === name);
  const other = tensors.find(({ name }) => !known.includes(name));
  if (other !== undefined) {
    throw new ConvertError(`tensor ${other.name}: static embeddings do not have such a tensor`);
  }
  const table = find(tableNames[0]) ?? find(tableNames[1]);
  if (table === undefined) throw new ConvertError(`there are no embeddings: neither ${tableNames.join(' nor ')}`);
  const fail = (name: string, problem: string) => new ConvertError(`tensor ${name}: ${problem}`);
  const [nRows, width] = table.shape;
  if (table.shape.length !== 2 || !(nRows > 0 && width > 0)) {
    throw fail(table.name, `its shape is [${table.shape.join(', ')}]; expected rows and columns`);
  }
  if (!['F64', 'F32', 'F16', 'BF16', 'I8'].includes(table.dtype)) {
    throw fail(table.name, `${table.dtype} holds no embeddings`);
  }
  const perToken = async (name: string) => {
    const tensor = find(name);
    if (tensor === undefined) return undefined;
    if (tensor.shape.length === 1 && tensor.shape[0] === nTokens) return readNumbers(tensor);
    throw fail(name, `its shape is [${tensor.shape.join(', ')}], but there are ${nTokens} tokens`);
  };
  const mapping = await perToken('mapping');
  const weights = await perToken('weights');
  if (mapping === undefined && nRows !== nTokens) {
    throw fail(table.name, `it has ${nRows} rows for ${nTokens} tokens, and there is no mapping`);
  }
  const wrong = mapping?.find((row) => !(Number.isInteger(row) && row >= 0 && row < nRows));
  if (wrong !== undefined) throw fail('mapping', `there is no row ${wrong} of ${nRows}`);

  return {
    name: table.name,
    dtype: 'F32',
    shape: [nTokens, width],
    async read(first, into) {
      const values = new Float32Array(into.length / 4);
      if (mapping === undefined) await readValues(table, first, values);
      for (let at = 0; at < values.length; ) {
        const token = Math.floor((first + at) / width);
        const column = (first + at) % width;
        const row = values.subarray(at, Math.min(values.length, at + width - column));
        if (mapping !== undefined) await readValues(table, mapping[token] * width + column, row);
        const factor = token === blank ? 0 : (weights?.[token] ?? 1);
        for (let i = 0; i < row.length; i++) row[i] *= factor;
        at += row.length;
      }
      into.set(new Uint8Array(values.buffer));
    },
  };
}

/** Fills `values` with those from `first` on. */
async function readValues(tensor: CheckpointTensor, first: number, values: Float32Array): Promise<void> {
  const bytes = new Uint8Array(values.length * dtypeBytes[tensor.dtype]);
  await tensor.read(first, bytes);
  if (tensor.dtype === 'I8') values.set(new Int8Array(bytes.buffer));
  else decode(tensor.dtype, bytes, values);
}

/** All values of a tensor of numbers, whole or not. */
async function readNumbers({ name, dtype, shape, read }: CheckpointTensor): Promise<Float64Array> {
  const bytes = new Uint8Array(shape[0] * dtypeBytes[dtype]);
  await read(0, bytes);
  const view = new DataView(bytes.buffer);
  const numbers: Partial<Record<typeof dtype, (at: number) => number>> = {
    F64: (i) => view.getFloat64(8 * i, true),
    F32: (i) => view.getFloat32(4 * i, true),
    I64: (i) => Number(view.getBigInt64(8 * i, true)),
    I32: (i) => view.getInt32(4 * i, true),
    I16: (i) => view.getInt16(2 * i, true),
  };
  const number = numbers[dtype];
  if (number !== undefined) return Float64Array.from({ length: shape[0] }, (_, i) => number(i));
  const values = new Float32Array(shape[0]);
  if (!['F16', 'BF16'].includes(dtype)) throw new ConvertError(`tensor ${name}: ${dtype} is not supported here`);
  decode(dtype, bytes, values);
  return Float64Array.from(values);
}
