/**
 * @file Checks of options that a caller of the library gives: what TypeScript does not see, JavaScript passes.
 */
import { InputError } from './errors.ts';

/** @throws InputError when `value` is given and is none of `known` */
export function checkChoice(option: string, value: unknown, known: readonly unknown[]): void {
  if (value !== undefined && !known.includes(value)) {
    throw new InputError('option', `${option} must be one of ${known.join(', ')}, not ${String(value)}`);
  }
}

/** @throws InputError when one of the `values` is given and is neither `true` nor `false` */
export function checkSwitches(values: Readonly<Record<string, unknown>>): void {
  for (const [option, value] of Object.entries(values)) checkChoice(option, value, [true, false]);
}

/** @throws InputError when one of the `values` is given and is no integer above 0 */
export function checkPositive(values: Readonly<Record<string, unknown>>): void {
  for (const [option, value] of Object.entries(values)) {
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 1)) {
      throw new InputError('option', `${option} must be a positive integer, not ${String(value)}`);
    }
  }
}
