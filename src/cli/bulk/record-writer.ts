/**
 * @file What all writers of records have in common.
 */
import type { Column } from './columns.ts';
import { converted, type EmbeddedRecord, type VectorShape } from './record-json.ts';

/** What the records of an output look like. */
export interface OutputLayout extends VectorShape {
  /** The fields of records beside their vectors; outputs of JSON lines do not need them. */
  readonly columns: readonly Column[];
  /** Values of the vector of a token, if the records have them. */
  readonly tokenDimensions: number;
}

/** Writes records in one format. */
export interface RecordWriter {
  write(records: readonly EmbeddedRecord[]): Promise<void>;
  /** Writes what ends the file. */
  end(): Promise<void>;
}

/** The vectors of the tokens of a record, one by one. */
export function tokenRows({ multi }: EmbeddedRecord, { dtype }: OutputLayout): ArrayLike<number>[] {
  const { values, dimensions } = multi!;
  return Array.from({ length: values.length / dimensions }, (_, i) =>
    converted(values.subarray(i * dimensions, (i + 1) * dimensions), dtype),
  );
}

/** Values of one vector: types with one bit a value have eight in a byte. */
export function vectorLength({ dimensions, dtype }: Pick<OutputLayout, 'dimensions' | 'dtype'>): number {
  return dtype === 'binary' || dtype === 'ubinary' ? Math.ceil(dimensions / 8) : dimensions;
}
