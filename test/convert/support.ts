/**
 * @file Checkouts of the fixtures, made complete, and the comparison with what llama.cpp's converter makes of them.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { expect } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import type { OutputType } from '../../src/convert/output-types.ts';
import { HeaderBuilder } from '../../src/gguf/header-builder.ts';
import { type GgufArray, type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { editedCopy } from '../models/edit.ts';

/** What the converter of llama.cpp made: see `<name>.json` of the fixtures. */
export interface Expected {
  readonly file_sha256: string;
  readonly metadata: readonly {
    key: string;
    type: string;
    value?: unknown;
    items?: string;
    length?: number;
    sha256?: string;
  }[];
  readonly tensors: readonly {
    name: string;
    type: string;
    shape: number[];
    offset: number;
    bytes: number;
    sha256: string;
  }[];
}

/** Unpacks a checkout into a folder of its name, with the tokenizer that six of them share. */
export function unpackCheckout(name: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'checkout-')), name);
  const files = unzip(name);
  const isComplete = ['tokenizer.json', 'spm.model', 'tokenizer.model'].some((file) =>
    Object.hasOwn(files, `${name}/${file}`),
  );
  for (const [file, bytes] of [...Object.entries(files), ...(isComplete ? [] : Object.entries(unzip('wordpiece')))]) {
    if (!file.includes('/')) continue;
    const target = join(path, file.slice(file.indexOf('/') + 1));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
  return path;
}

/** `<name>.json` of a checkout. */
export interface Description {
  /** What the converter of llama.cpp makes of it. */
  readonly types: Readonly<Record<'F32' | 'F16' | 'Q8_0', Expected>>;
  /** What llama.cpp answers with the F32 file; `embedding` is base64 of float32, not normalised. */
  readonly embedding?: { readonly cases: readonly { text: string; tokens: number[]; embedding: string }[] };
  /** The same of a reranker. */
  readonly rerank?: {
    readonly query: string;
    readonly documents: readonly { text: string; score: number; pair_tokens: number[] }[];
  };
}

export function readDescription(name: string): Description {
  return JSON.parse(new TextDecoder().decode(unzip(name)[`${name}.json`]));
}

function unzip(name: string): Readonly<Record<string, Uint8Array>> {
  return unzipSync(readFileSync(new URL(`../fixtures/checkouts/${name}.zip`, import.meta.url)));
}

/** What a file has that llama.cpp's converter leaves out. */
const added: Readonly<Record<string, { readonly keys: string[]; readonly tensors: string[] }>> = {
  'bert-rerank': { keys: ['gguf_embed.pair_token_types', 'gguf_embed.gelu_erf'], tensors: ['cls.weight', 'cls.bias'] },
};

/** Converts a checkout and takes out what `added` says it has, which must be there. */
export async function convertAsLlamaCpp(path: string, name: string, type: OutputType): Promise<Uint8Array> {
  const output = join(dirname(path), `${type}.gguf`);
  await convertFolder(path, output, type);
  const bytes = readFileSync(output);
  if (!Object.hasOwn(added, name)) return bytes;
  return editedCopy(await openGguf(memorySource(bytes)), ({ values, tensors }) => {
    for (const key of added[name].keys) expect(values.delete(key), key).toBe(true);
    for (const tensor of added[name].tensors) expect(tensors.delete(tensor), tensor).toBe(true);
  });
}

/** The first difference between a file and what is expected of it; `undefined` when it is the same file. */
export async function firstDifference(bytes: Uint8Array, expected: Expected): Promise<string | undefined> {
  if (sha256(bytes) === expected.file_sha256) return undefined;
  const file = await openGguf(memorySource(bytes));
  return differentKey(file, expected) ?? (await differentTensor(file, expected)) ?? 'other bytes, such as padding';
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function differentKey({ metadata }: GgufFile, expected: Expected): string | undefined {
  const keys = [...metadata.keys()];
  for (const [i, entry] of expected.metadata.entries()) {
    const key = keys[i];
    if (key !== entry.key) return `key ${i} is ${key} instead of ${entry.key}`;
    const found = describe(
      metadata.valueType(key)!,
      metadata.get(key),
      metadata.valueType(key) === 'array' ? metadata.array(key) : undefined,
    );
    const wanted = JSON.stringify([
      entry.type.toLowerCase(),
      entry.items?.toLowerCase(),
      entry.length,
      entry.sha256 ?? entry.value,
    ]);
    const got = JSON.stringify(found(entry.sha256 !== undefined));
    if (got !== wanted) return `${key}: ${got} instead of ${wanted}`;
  }
  return keys.length === expected.metadata.length
    ? undefined
    : `more keys, beginning with ${keys[expected.metadata.length]}`;
}

/** Type, type of the items, length, and the value or the hash of the items as they stand in the file. */
function describe(type: string, value: unknown, array: GgufArray | undefined): (hashed: boolean) => unknown[] {
  if (array === undefined) return () => [type, undefined, undefined, value];
  const { elementType, values } = array;
  const items = () => Array.from(values as Iterable<unknown>);
  return (hashed) => [type, elementType, values.length, hashed ? sha256(canonical(array)) : items()];
}

function canonical({ elementType, values }: GgufArray): Uint8Array {
  if (elementType === 'array') throw new Error('no such array is expected');
  if (elementType !== 'string') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const builder = new HeaderBuilder(true);
  for (let i = 0; i < values.length; i++) builder.string(values.bytes(i));
  return builder.bytes;
}

async function differentTensor(file: GgufFile, expected: Expected): Promise<string | undefined> {
  const tensors = [...file.tensors.values()];
  for (const [i, { name, type, shape, offset, bytes, sha256: hash }] of expected.tensors.entries()) {
    const info = tensors[i];
    const found = info && [info.name, info.type.name, info.shape, info.offset - file.dataOffset, info.byteLength];
    const wanted = [name, type, shape, offset, bytes];
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      return `tensor ${i}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`;
    const data = new Uint8Array(info.byteLength);
    await file.readTensor(info, 0, data);
    if (sha256(data) !== hash) return `tensor ${name}: other values`;
  }
  return tensors.length === expected.tensors.length ? undefined : `${tensors.length} tensors`;
}
