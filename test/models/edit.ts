/**
 * @file Fixture models with changes: keys and tensors added, replaced or left out.
 */
import {
  type GgmlType,
  type GgufFile,
  GgufWriter,
  ggmlTypes,
  memorySink,
  memorySource,
  openGguf,
  type ValueToWrite,
} from '../../src/gguf/index.ts';
import { openFixture } from './support.ts';

interface TensorData {
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A fixture's content, to be changed. */
export interface Edit {
  readonly values: Map<string, ValueToWrite>;
  readonly tensors: Map<string, TensorData>;
  /** The values of an F32 tensor. */
  floats(name: string): Float32Array;
  /** Sets an F32 tensor. */
  setFloats(name: string, shape: readonly number[], values: Float32Array): void;
}

/** Opens `models/<name>.gguf` of the fixtures as `change` leaves it. */
export async function edited(name: string, change: (edit: Edit) => void): Promise<GgufFile> {
  return openGguf(memorySource(await editedBytes(name, change), `${name}, edited`));
}

/** The bytes of that file. */
export async function editedBytes(name: string, change: (edit: Edit) => void): Promise<Uint8Array> {
  return editedCopy(await openFixture(`models/${name}.gguf`), change);
}

/** The bytes of `file` as `change` leaves it. */
export async function editedCopy(file: GgufFile, change: (edit: Edit) => void): Promise<Uint8Array> {
  const values = new Map<string, ValueToWrite>();
  for (const key of file.metadata.keys()) values.set(key, file.metadata.typed(key) as ValueToWrite);
  const tensors = new Map<string, TensorData>();
  for (const info of file.tensors.values()) {
    const bytes = new Uint8Array(info.byteLength);
    await file.readTensor(info, 0, bytes);
    tensors.set(info.name, { type: info.type, shape: info.shape, bytes });
  }
  change({
    values,
    tensors,
    floats: (tensor) => new Float32Array(tensors.get(tensor)?.bytes.slice().buffer ?? []),
    setFloats: (tensor, shape, data) =>
      tensors.set(tensor, { type: ggmlTypes.F32, shape, bytes: new Uint8Array(data.slice().buffer) }),
  });

  const sink = memorySink();
  const writer = new GgufWriter(sink);
  for (const [key, value] of values) writer.set(key, value);
  for (const [tensor, { type, shape }] of tensors) writer.addTensor(tensor, type, shape);
  await writer.writeHeader();
  for (const [tensor, { bytes }] of tensors) await writer.writeTensor(tensor, [bytes]);
  writer.finish();
  return sink.bytes();
}
