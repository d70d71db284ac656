/**
 * @file A GGUF taken apart, so that any piece can be changed, and put together again without any check.
 */
import { HeaderBuilder } from '../../src/gguf/header-builder.ts';
import {
  type GgufArray,
  type GgufFile,
  memorySource,
  openGguf,
  type ScalarType,
  type TypedValue,
} from '../../src/gguf/index.ts';
import { scalarBytes, valueTypeNames } from '../../src/gguf/value-types.ts';

/** A key/value pair; texts are bytes. */
export interface Pair {
  readonly key: Uint8Array;
  /** The type that is written, which need not be that of the value. */
  readonly type: number;
  readonly value: TypedValue;
}

/** An entry of the tensor directory. `offset` undefined: where the data goes. */
export interface PlannedTensor {
  readonly name: Uint8Array;
  readonly shape: readonly bigint[];
  readonly type: number;
  readonly offset?: bigint;
  readonly data: Uint8Array;
}

/** All of a file. */
export interface Plan {
  readonly pairs: readonly Pair[];
  readonly tensors: readonly PlannedTensor[];
  readonly alignment: number;
}

/** A file put together, with the places of all numbers in its header. */
export interface Assembled {
  readonly bytes: Uint8Array;
  readonly fields: readonly { readonly at: number; readonly width: number }[];
}

const utf8 = new TextEncoder();

/** Takes a file apart. */
export async function takeApart(bytes: Uint8Array): Promise<Plan> {
  const file = await openGguf(memorySource(bytes));
  const pairs = Array.from(file.metadata.keys(), (key) => {
    const value = file.metadata.typed(key)!;
    return { key: utf8.encode(key), type: valueTypeNames.indexOf(value.type), value };
  });
  const tensors = await Promise.all(
    Array.from(file.tensors.values(), async (info) => ({
      name: utf8.encode(info.name),
      shape: info.shape.map(BigInt),
      type: info.type.id,
      data: await dataOf(file, info.name),
    })),
  );
  return { pairs, tensors, alignment: file.alignment };
}

async function dataOf(file: GgufFile, name: string): Promise<Uint8Array> {
  const info = file.tensors.get(name)!;
  const data = new Uint8Array(info.byteLength);
  await file.readTensor(info, 0, data);
  return data;
}

/** Notes where numbers are put. */
class Recorder extends HeaderBuilder {
  readonly fields: { at: number; width: number }[] = [];

  override scalar(type: ScalarType, value: number | bigint | boolean): void {
    this.fields.push({ at: this.length, width: scalarBytes[type] });
    super.scalar(type, value);
  }
}

/** Puts a file together. */
export function assemble({ pairs, tensors, alignment }: Plan): Assembled {
  const builder = new Recorder(true);
  builder.raw(utf8.encode('GGUF'));
  builder.scalar('uint32', 3);
  builder.scalar('uint64', tensors.length);
  builder.scalar('uint64', pairs.length);
  for (const { key, type, value } of pairs) {
    builder.string(key);
    builder.scalar('uint32', type);
    if (value.type === 'array') putArray(builder, value.value);
    else if (value.type === 'string') builder.string(value.value);
    else builder.scalar(value.type, value.value);
  }
  const padded = (n: number) => Math.ceil(n / alignment) * alignment;
  let offset = 0;
  for (const tensor of tensors) {
    builder.string(tensor.name);
    builder.scalar('uint32', tensor.shape.length);
    for (const n of tensor.shape) builder.scalar('uint64', n);
    builder.scalar('uint32', tensor.type);
    builder.scalar('uint64', tensor.offset ?? offset);
    offset += padded(tensor.data.length);
  }
  const header = padded(builder.length);
  const bytes = new Uint8Array(header + offset);
  bytes.set(builder.bytes);
  let at = header;
  for (const { data } of tensors) {
    bytes.set(data, at);
    at += padded(data.length);
  }
  return { bytes, fields: builder.fields };
}

function putArray(builder: Recorder, { elementType, values }: GgufArray): void {
  builder.type(elementType);
  builder.scalar('uint64', values.length);
  if (elementType === 'string') for (let i = 0; i < values.length; i++) builder.string(values.bytes(i));
  else if (elementType === 'array') for (const inner of values) putArray(builder, inner);
  else builder.raw(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
