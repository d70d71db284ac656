/**
 * @file Records with their vectors as lines of JSON.
 */
import { convertVector, type OutputDtype } from '../../engine/outputs/output-dtypes.ts';
import type { OutputKind } from '../../engine/types.ts';
import type { Embedded } from './embed-each.ts';
import { jsonOf, type RecordFields } from './record.ts';

/** A record that was embedded, or a chunk of one. */
export interface EmbeddedRecord extends Omit<Embedded, 'dimensions'> {
  readonly fields: RecordFields;
}

/** Values of one row of a vector; with pooling `none`, a vector has several rows. */
export interface VectorShape {
  readonly dimensions: number;
  readonly isRows: boolean;
  readonly dtype: OutputDtype;
  /** The kinds of vectors of a record. */
  readonly kinds: readonly OutputKind[];
}

/** A vector as JSON: a list of numbers, or with pooling `none` a list of such lists. */
export function jsonVector(
  vector: Float32Array,
  { dimensions, isRows, dtype }: Pick<VectorShape, 'dimensions' | 'isRows' | 'dtype'>,
): string {
  if (!isRows) return `[${converted(vector, dtype).join(',')}]`;
  const rows: string[] = [];
  for (let at = 0; at < vector.length; at += dimensions) {
    rows.push(`[${converted(vector.subarray(at, at + dimensions), dtype).join(',')}]`);
  }
  return `[${rows.join(',')}]`;
}

/** A vector with values of another type; `float` leaves it as it is. */
export function converted(vector: Float32Array, dtype: OutputDtype): Float32Array | Int8Array | Uint8Array {
  return dtype === 'float' ? vector : convertVector(vector, dtype);
}

/** The kinds of vectors of a record as members of a JSON object. */
export function jsonKinds(
  { vector, sparse, multi }: Pick<Embedded, 'vector' | 'sparse' | 'multi'>,
  shape: VectorShape,
): string[] {
  const members: string[] = [];
  if (shape.kinds.includes('dense')) members.push(`"embedding":${jsonVector(vector, shape)}`);
  if (sparse !== undefined) {
    members.push(`"sparse":{"indices":[${sparse.indices.join(',')}],"values":[${sparse.values.join(',')}]}`);
  }
  if (multi !== undefined) {
    const { values, dimensions } = multi;
    members.push(`"multi":${jsonVector(values, { dimensions, isRows: true, dtype: shape.dtype })}`);
  }
  return members;
}

/** Names of the fields that are added in any format; they replace fields of the record. */
const addedByKind: Readonly<Record<OutputKind, readonly string[]>> = {
  dense: ['embedding'],
  sparse: ['sparse', 'sparse_indices', 'sparse_values'],
  multi: ['multi'],
};

/** Which chunk of its text a record has; positions count Unicode characters. */
export interface ChunkPlace {
  readonly chunk: number;
  readonly chunk_start: number;
  readonly chunk_end: number;
}

/** Fields with a chunk in the place of the text. They replace fields that are called like those of a chunk. */
export function chunkFields(fields: RecordFields, textField: string, text: string, place: ChunkPlace): RecordFields {
  const others = Array.from(fields).filter(([name]) => !Object.hasOwn(place, name));
  const own = others.map(([name, field]) => [name, name === textField ? { value: text } : field] as const);
  return new Map([...own, ...Object.entries(place).map(([name, value]) => [name, { value }] as const)]);
}

/**
 * The fields of a record that go into the output.
 * @param wanted their names; `undefined` for all
 * @param kinds of the vectors that are added
 */
export function keptFields(
  fields: RecordFields,
  wanted: readonly string[] | undefined,
  kinds: readonly OutputKind[] = ['dense'],
): RecordFields {
  const added = [...kinds.flatMap((kind) => addedByKind[kind]), 'n_tokens', 'truncated'];
  return new Map(
    Array.from(fields).filter(([name]) => !added.includes(name) && (wanted === undefined || wanted.includes(name))),
  );
}

/** The fields of a record as the members of a JSON object. */
export function jsonMembers(fields: RecordFields): string[] {
  return Array.from(fields, ([name, field]) => `${JSON.stringify(name)}:${jsonOf(field)}`);
}

/** The record as a JSON object, with the vectors after its own fields. */
export function jsonRecord({ fields, nTokens, truncated, ...vectors }: EmbeddedRecord, shape: VectorShape): string {
  const own = [...jsonMembers(fields), ...jsonKinds(vectors, shape)].map((member) => `${member},`);
  return `{${own.join('')}"n_tokens":${nTokens},"truncated":${truncated}}`;
}
