/**
 * @file Decimals of Parquet with all their digits: the library multiplies them by a power of ten in float64, which makes
 * 0.5700000000000001 of 0.57. Decimals inside lists and structs are left to it.
 */
import type { FileMetaData, SchemaElement } from 'hyparquet';
import type { Field } from './record.ts';

/** The metadata with the decimals among the columns as the integers or bytes that they are stored as, and their scales by column. */
export function withStoredDecimals(
  metadata: FileMetaData,
  columns: readonly SchemaElement[],
): { stored: FileMetaData; scales: ReadonlyMap<string, number> } {
  const isDecimal = (element: SchemaElement) =>
    element.type !== undefined &&
    element.repetition_type !== 'REPEATED' &&
    (element.converted_type === 'DECIMAL' || element.logical_type?.type === 'DECIMAL');
  const decimals = new Set(columns.filter(isDecimal));
  const schema = metadata.schema.map((element) =>
    decimals.has(element) ? { ...element, converted_type: undefined, logical_type: undefined } : element,
  );
  return {
    stored: { ...metadata, schema },
    scales: new Map(Array.from(decimals, ({ name, scale = 0 }) => [name, scale])),
  };
}

/** The field of a stored decimal, which is an integer, or its bytes, the highest first. */
export function decimalField(stored: unknown, scale: number): Field {
  if (stored === null || stored === undefined) return { value: stored };
  const integer = stored instanceof Uint8Array ? integerOfBytes(stored) : BigInt(stored as number | bigint);
  const digits = String(integer < 0n ? -integer : integer).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  const json = `${integer < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
  return { value: Number(json), json };
}

function integerOfBytes(bytes: Uint8Array): bigint {
  const unsigned = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return BigInt.asIntN(8 * bytes.length, unsigned);
}
