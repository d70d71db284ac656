/**
 * @file The columns of an output that has types: found from all values of the inputs before anything is written, so that every part of a
 * job has the same.
 */
import { type Field, jsonOf, type RecordFields } from './record.ts';

/** `json`: values of several types, lists and objects, each as its JSON. */
export type ColumnKind = 'boolean' | 'integer' | 'number' | 'string' | 'bytes' | 'json';

/** A column of an output. */
export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** A value in a column: integers are 64 bits. */
export type ColumnValue = boolean | bigint | number | string | Uint8Array | null;

const INT64 = 2n ** 63n;

/** Collects the kinds of the values of records. */
export class ColumnSurvey {
  readonly #kinds = new Map<string, ColumnKind | undefined>();
  /** Columns with an integer that a float64 cannot hold. */
  readonly #long = new Set<string>();

  add(fields: RecordFields): void {
    for (const [name, field] of fields) {
      const known = this.#kinds.get(name);
      if (known === 'json') continue;
      const kind = kindOf(field);
      if (kind === 'integer' && !isSafe(integerOf(field))) this.#long.add(name);
      this.#kinds.set(name, this.#joined(name, known, kind));
    }
  }

  /** The columns in the order in which their names appeared; one without values is of texts. */
  get columns(): Column[] {
    return Array.from(this.#kinds, ([name, kind = 'string']) => ({ name, kind }));
  }

  #joined(name: string, a: ColumnKind | undefined, b: ColumnKind | undefined): ColumnKind | undefined {
    if (a === undefined || b === undefined || a === b) return a ?? b;
    const areNumbers = [a, b].every((kind) => kind === 'integer' || kind === 'number');
    return areNumbers && !this.#long.has(name) ? 'number' : 'json';
  }
}

/** The value of a field in a column; a missing field is null. */
export function columnValue(field: Field | undefined, kind: ColumnKind): ColumnValue {
  if (field === undefined || field.value === null || field.value === undefined) return null;
  if (kind === 'json') return jsonOf(field);
  if (kind === 'integer') return integerOf(field);
  if (kind === 'number') return Number(field.value);
  return field.value as boolean | string | Uint8Array;
}

/** The kind of one value; `undefined` for null. */
function kindOf(field: Field): ColumnKind | undefined {
  const { value, json } = field;
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'boolean' || typeof value === 'string') return typeof value as 'boolean' | 'string';
  if (value instanceof Uint8Array) return 'bytes';
  if (typeof value === 'bigint') return isInt64(value) ? 'integer' : 'json';
  if (typeof value !== 'number') return 'json';
  if (json === undefined) return Number.isSafeInteger(value) ? 'integer' : 'number';
  if (!/^-?\d+$/.test(json)) return Number.isFinite(value) ? 'number' : 'json';
  return isInt64(BigInt(json)) ? 'integer' : 'json';
}

function integerOf({ value, json }: Field): bigint {
  return BigInt(json ?? (value as number | bigint));
}

function isInt64(value: bigint): boolean {
  return value >= -INT64 && value < INT64;
}

function isSafe(value: bigint): boolean {
  return Number.isSafeInteger(Number(value));
}
