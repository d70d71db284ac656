/**
 * @file Metadata with other values than the file has: those that a user sets when loading it, or writes into it.
 */
import { check, type OptionTable, readOptions } from '../check-options.ts';
import { GgufError } from './errors.ts';
import type { Metadata, TypedValue } from './metadata.ts';
import { type MetadataValue, metadataValues } from './metadata-values.ts';
import { type GgufFile, readMetadata } from './open.ts';
import { memorySink } from './sink.ts';
import { memorySource } from './sources.ts';
import { integerRanges, type ScalarType, type ValueType } from './value-types.ts';
import { GgufWriter } from './writer.ts';

/** What to change. */
export interface MetadataChanges {
  readonly set?: Readonly<Record<string, MetadataValue>>;
  /** Keys to leave out. */
  readonly remove?: readonly string[];
}

const changeTable: OptionTable<MetadataChanges> = {
  set: metadataValues,
  remove: check((keys) => Array.isArray(keys) && keys.every((key) => typeof key === 'string'), 'a list of keys'),
};

/**
 * `file` with changed metadata. Its tensors stay where they are; the bytes of the file are left alone.
 * @throws GgufError for a value of another kind than the file's, a number that its type cannot hold, and a key to remove that
 *   the file does not have
 */
export async function changeMetadata(file: GgufFile, changes: MetadataChanges): Promise<GgufFile> {
  const { littleEndian, version } = file;
  const sink = memorySink();
  const writer = new GgufWriter(sink, { littleEndian, version });
  for (const [key, value] of changedValues(file.name, file.metadata, changes)) writer.set(key, value);
  await writer.writeHeader();
  return { ...file, metadata: await readMetadata(memorySource(sink.bytes(), file.name)) };
}

/**
 * All values of `metadata` after `changes`, in the order of the file, new keys behind.
 * @param source names the file in errors
 * @throws GgufError as `changeMetadata`
 */
export function changedValues(source: string, metadata: Metadata, changes: MetadataChanges): Map<string, TypedValue> {
  const fail = (message: string, options?: ErrorOptions) => new GgufError(message, { source, ...options });
  const { set = {}, remove = [] } = readOptions('metadata changes', changes, changeTable, fail);
  const values = new Map<string, TypedValue>();
  for (const key of metadata.keys()) values.set(key, metadata.typed(key)!);
  for (const key of remove) {
    if (!values.delete(key)) throw new GgufError('cannot be removed: the file does not have it', { source, key });
  }
  for (const [key, value] of Object.entries(set)) values.set(key, typedValue(source, key, value, values.get(key)));
  for (const key of Object.keys(set)) checkTokenId(source, key, values);
  return values;
}

/** The tokenizer ignores ids outside the vocabulary, as llama.cpp does; one that a user sets is a mistake. */
function checkTokenId(source: string, key: string, values: ReadonlyMap<string, TypedValue>): void {
  if (!/^tokenizer\.ggml\.\w+_token_id$/.test(key)) return;
  const tokens = values.get('tokenizer.ggml.tokens');
  const id = values.get(key);
  if (tokens?.type !== 'array' || id === undefined) return;
  const { length } = tokens.value.values;
  if (typeof id.value === 'number' && id.value >= 0 && id.value < length) return;
  throw new GgufError(`${id.value} is not the id of a token: the vocabulary has the ids 0 to ${length - 1}`, {
    source,
    key,
  });
}

function typedValue(source: string, key: string, value: MetadataValue, old: TypedValue | undefined): TypedValue {
  if (typeof value === 'object') {
    if (old !== undefined && kindOf(old.type) !== kindOf(value.type)) throw cannotBecome(source, key, old, value.value);
    return checked(source, key, (old?.type ?? value.type) as ScalarType, value.value);
  }
  const type = typeFor(value, old?.type);
  if (type === undefined) throw cannotBecome(source, key, old!, value);
  if (typeof value === 'string') return { type: 'string', value: new TextEncoder().encode(value) };
  return checked(source, key, type as ScalarType, value);
}

function cannotBecome(source: string, key: string, old: TypedValue, value: unknown): GgufError {
  const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new GgufError(`the file has a value of the type ${old.type}, which cannot become ${given}`, { source, key });
}

/** Integers of all sizes are one kind, and so are floats. */
function kindOf(type: ValueType): string {
  return type.replace(/^u?(int|float)\d+$/, '$1');
}

/** The type of the new value, `undefined` where the old one is of another kind. */
function typeFor(value: Exclude<MetadataValue, object>, old: ValueType | undefined): ValueType | undefined {
  if (typeof value === 'string') return old === undefined || old === 'string' ? 'string' : undefined;
  if (typeof value === 'boolean') return old === undefined || old === 'bool' ? 'bool' : undefined;
  if (old === undefined) {
    if (typeof value === 'number' && !Number.isInteger(value)) return 'float32';
    return value < 0 ? 'int32' : 'uint32';
  }
  if (/^u?int/.test(old)) return old;
  return old.startsWith('float') && typeof value === 'number' ? old : undefined;
}

function checked(source: string, key: string, type: ScalarType, value: number | bigint | boolean): TypedValue {
  const range = integerRanges[type];
  if (type === 'bool' || typeof value === 'boolean') {
    if (type === 'bool' && typeof value === 'boolean') return { type, value };
  } else if (range === undefined) {
    return { type, value: Number(value) };
  } else if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
    const whole = BigInt(value);
    if (whole >= range[0] && whole <= range[1]) return { type, value: type.endsWith('64') ? whole : Number(whole) };
    throw new GgufError(`${value} is out of the range of ${type}, ${range[0]} to ${range[1]}`, { source, key });
  }
  throw new GgufError(`${value} is not a value of the type ${type}`, { source, key });
}
