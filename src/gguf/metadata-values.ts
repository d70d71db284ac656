/**
 * @file Metadata values that a caller gives in JavaScript: their type, and the check of a list of them.
 */
import { check, choice, describe, nested, OptionProblem, plainEntries } from '../check-options.ts';
import { type ScalarType, scalarBytes } from './value-types.ts';

/**
 * A value to set. A `bigint` is an integer. A `number` is an integer if the file has one under the key, or has none and the
 * number is whole; otherwise it is a float. The form with `type` leaves nothing to guess; where the file has a value, it keeps
 * the size of that one.
 */
export type MetadataValue =
  | boolean
  | number
  | bigint
  | string
  | { readonly type: ScalarType; readonly value: number | bigint | boolean };

const EXPECTED = 'a boolean, a finite number, a bigint, a string or an object with type and value';

const typedValue = nested({
  type: choice(Object.keys(scalarBytes)),
  value: check(
    (value) => ['boolean', 'bigint'].includes(typeof value) || Number.isFinite(value),
    'a boolean, a finite number or a bigint',
  ),
});

/**
 * Checks values by key, and copies them. The file decides which of these a key can have.
 * @throws OptionProblem
 */
export function metadataValues(name: string, given: unknown): Record<string, MetadataValue> {
  const values: Record<string, MetadataValue> = Object.create(null);
  for (const [key, value] of plainEntries(name, given)) {
    if (value !== undefined) values[key] = metadataValue(`${name}[${JSON.stringify(key)}]`, value);
  }
  return values;
}

function metadataValue(name: string, value: unknown): MetadataValue {
  if (['boolean', 'bigint', 'string'].includes(typeof value) || Number.isFinite(value)) return value as MetadataValue;
  if (Object.prototype.toString.call(value) !== '[object Object]') {
    throw new OptionProblem(`${name} must be ${EXPECTED}, not ${describe(value)}`);
  }
  const read = typedValue(name, value) as object;
  for (const part of ['type', 'value']) {
    if (!(part in read)) throw new OptionProblem(`${name} must have a ${part}`);
  }
  return read as MetadataValue;
}
