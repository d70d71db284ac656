/**
 * @file Checks the options of the library's callers at run time, because callers in JavaScript have no type checks.
 */
import { InputError } from './errors.ts';

/** @throws InputError if `value` is given and not one of `known` */
export function checkChoice(option: string, value: unknown, known: readonly unknown[]): void {
  if (value !== undefined && !known.includes(value)) {
    throw new InputError('option', `${option} must be one of ${known.join(', ')}, not ${String(value)}`);
  }
}

/** @throws InputError if one of the `values` is given and is neither `true` nor `false` */
export function checkSwitches(values: Readonly<Record<string, unknown>>): void {
  for (const [option, value] of Object.entries(values)) checkChoice(option, value, [true, false]);
}

/** @throws InputError if one of the `values` is given and is not a positive integer */
export function checkPositive(values: Readonly<Record<string, unknown>>): void {
  for (const [option, value] of Object.entries(values)) {
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 1)) {
      throw new InputError('option', `${option} must be a positive integer, not ${String(value)}`);
    }
  }
}
