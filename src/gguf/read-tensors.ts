/**
 * @file Reads the tensor directory of a GGUF and checks it against the size of the file.
 */
import { GgufError } from './errors.ts';
import { type GgmlType, ggmlTypeById } from './ggml-types.ts';
import type { HeaderReader } from './header-reader.ts';
import { MAX_DIMENSIONS, MAX_TENSOR_NAME_BYTES } from './limits.ts';
import { decodeName } from './string-array.ts';

/** An entry of the tensor directory. */
export interface TensorInfo {
  readonly name: string;
  readonly type: GgmlType;
  /** Fastest axis first, as in the file: `[nIn, nOut]` for a matrix. An empty shape is one value. */
  readonly shape: readonly number[];
  /** Byte offset of the data in its file. */
  readonly offset: number;
  /** Bytes of the data. */
  readonly byteLength: number;
}

/** A tensor whose offset is relative to the start of the data. */
interface Listed extends TensorInfo {
  /** Position of the offset field. */
  readonly field: number;
}

/**
 * Reads `count` entries at the cursor, which then is at the end of the header.
 * @throws GgufError for a bad name, shape or type, and for tensors that are not contiguous or extend past the end of the file
 */
export async function readTensors(
  reader: HeaderReader,
  count: number,
  alignment: number,
): Promise<{ tensors: Map<string, TensorInfo>; dataOffset: number }> {
  const listed = new Map<string, Listed>();
  for (let i = 0; i < count; i++) {
    reader.place = {};
    const at = reader.position;
    const { start, end } = await reader.string(`the name of tensor ${i} of ${count}`, MAX_TENSOR_NAME_BYTES);
    const name = decodeName(reader.header.bytes.subarray(start, end));
    if (name === undefined) throw reader.error(`the name of tensor ${i} is not UTF-8 text without zeros`, at);
    reader.place = { tensor: name };
    if (listed.has(name)) throw reader.error('the tensor occurs twice; names must be unique', at);
    listed.set(name, await readTensor(reader, name));
  }
  reader.place = {};
  const dataOffset = Math.ceil(reader.position / alignment) * alignment;
  return { tensors: place(reader, listed, dataOffset, alignment), dataOffset };
}

async function readTensor(reader: HeaderReader, name: string): Promise<Listed> {
  const dimsAt = reader.position;
  const nDims = await reader.u32('the number of dimensions');
  if (nDims > MAX_DIMENSIONS)
    throw reader.error(`it has ${nDims} dimensions; at most ${MAX_DIMENSIONS} are allowed`, dimsAt);
  const shape: number[] = [];
  let elements = 1;
  for (let axis = 0; axis < nDims; axis++) {
    const at = reader.position;
    const reason = 'no tensor is that large';
    shape.push(await reader.size(`dimension ${axis}`, Number.MAX_SAFE_INTEGER, reason));
    elements *= shape[axis];
    if (elements > Number.MAX_SAFE_INTEGER) throw reader.error(`the shape [${shape.join(', ')}] is too large`, at);
  }
  const typeAt = reader.position;
  const id = await reader.u32('the tensor type');
  const type = ggmlTypeById(id);
  if (type === undefined) throw reader.error(`the tensor type is ${id}, which is unknown or no longer in use`, typeAt);
  const row = shape[0] ?? 1;
  if (row % type.blockSize !== 0) {
    throw reader.error(`rows of ${row} values do not divide into ${type.name} blocks of ${type.blockSize}`, dimsAt);
  }
  const byteLength = (elements / type.blockSize) * type.blockBytes;
  const field = reader.position;
  const offset = await reader.size('the offset', Number.MAX_SAFE_INTEGER, 'no file is that large');
  return { name, type, shape, offset, byteLength, field };
}

/** Every tensor must begin at the aligned end of the one before and must be inside the file. */
function place(
  reader: HeaderReader,
  listed: ReadonlyMap<string, Listed>,
  dataOffset: number,
  alignment: number,
): Map<string, TensorInfo> {
  const { name: source, size } = reader.source;
  const tensors = new Map<string, TensorInfo>();
  let expected = 0;
  for (const { name, type, shape, offset, byteLength, field } of listed.values()) {
    if (offset !== expected) {
      throw new GgufError(
        `the offset is ${offset}; expected ${expected}, because tensors are contiguous and aligned to ${alignment} bytes`,
        { source, tensor: name, offset: field },
      );
    }
    const begin = dataOffset + offset;
    if (byteLength > size - begin) {
      throw new GgufError(
        `its ${byteLength} bytes of data (${type.name} [${shape.join(', ')}]) extend past the end of the file at ${size}: the file is incomplete`,
        { source, tensor: name, offset: begin },
      );
    }
    tensors.set(name, { name, type, shape, offset: begin, byteLength });
    expected += Math.ceil(byteLength / alignment) * alignment;
  }
  return tensors;
}
