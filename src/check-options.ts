/**
 * @file Checks the options of the library's callers at run time, because callers in JavaScript have no type checks.
 */
import { nearest } from './nearest.ts';

/**
 * Checks one value that is given, and returns it.
 * @throws OptionProblem
 */
export type Check = (name: string, value: unknown) => unknown;

/** The options of a function, each with its check. */
export type OptionTable<T> = { readonly [Name in keyof Required<T>]: Check };

/** A value that an option cannot have. `readOptions` turns it into an error of its caller's class. */
export class OptionProblem extends Error {}

/**
 * A copy of the options `given`, each read once. An option that is `undefined` counts as not given.
 * @param where names the function in messages, as `embed`
 * @param fail makes the error to throw
 * @throws what `fail` makes, for options that are not an object, unknown names, values that a check refuses and values that cannot be read
 */
export function readOptions<T extends object>(
  where: string,
  given: unknown,
  table: OptionTable<T>,
  fail: (message: string, options?: ErrorOptions) => Error,
): T {
  if (given === undefined) return {} as T;
  try {
    return readTable(`the options of ${where}`, '', given, table) as T;
  } catch (error) {
    throw error instanceof OptionProblem ? fail(error.message, { cause: error.cause }) : error;
  }
}

/** Options within an option, as `gpu: { … }`. */
export function nested<T>(table: OptionTable<T>): Check {
  return (name, value) => readTable(name, `${name}.`, value, table);
}

function readTable<T>(what: string, prefix: string, given: unknown, table: OptionTable<T>): Record<string, unknown> {
  for (const [name, value] of plainEntries(what, given)) {
    if (value === undefined || Object.hasOwn(table, name)) continue;
    const known = Object.keys(table);
    const near = nearest(name, known);
    const remedy = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
    throw new OptionProblem(`${what} ${prefix === '' ? 'have' : 'has'} no ${JSON.stringify(name)}: ${remedy}`);
  }
  const read: Record<string, unknown> = {};
  let reading = '';
  try {
    for (const name in table) {
      reading = prefix + name;
      const value = (given as Readonly<Record<string, unknown>>)[name];
      if (value !== undefined) read[name] = table[name](reading, value);
    }
  } catch (error) {
    throw asProblem(reading, error);
  }
  return read;
}

/**
 * The names and values of an object that a caller wrote down.
 * @throws OptionProblem for everything else: lists, maps, boxed values, objects that cannot be read
 */
export function plainEntries(what: string, given: unknown): [name: string, value: unknown][] {
  try {
    if (Object.prototype.toString.call(given) === '[object Object]') return Object.entries(given as object);
  } catch (error) {
    throw asProblem(what, error);
  }
  throw new OptionProblem(`${what} must be an object, not ${describe(given)}`);
}

/** A problem with `what`, for anything that the caller's getters and proxies throw. */
function asProblem(what: string, error: unknown): OptionProblem {
  if (error instanceof OptionProblem) return error;
  const reason = error instanceof Error ? error.message : describe(error);
  return new OptionProblem(`${what} cannot be read: ${reason}`, { cause: error });
}

/** Names a value in a message, whatever it is. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === 'Object' ? 'an object' : `an object of the kind ${tag}`;
}

/** A value for which `isValid` holds; `expected` completes "must be". */
export function check(isValid: (value: unknown) => boolean, expected: string): Check {
  return (name, value) => {
    if (isValid(value)) return value;
    throw new OptionProblem(`${name} must be ${expected}, not ${describe(value)}`);
  };
}

/** One of `known`. */
export function choice(known: readonly unknown[]): Check {
  return check((value) => known.includes(value), `one of ${known.join(', ')}`);
}

/** A whole number within a range. */
export function integer(min: number, max: number, expected = `an integer from ${min} to ${max}`): Check {
  return check(
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    expected,
  );
}

/** `true` or `false`. */
export const flag = choice([true, false]);
/** 1, 2, 3… */
export const positive = integer(1, Number.MAX_SAFE_INTEGER, 'a positive integer');
export const finite = check((value) => Number.isFinite(value), 'a finite number');
export const text = check((value) => typeof value === 'string', 'a string');
export const callback = check((value) => typeof value === 'function', 'a function');
/** Objects of another realm (Jest, an iframe) and other implementations are as good. */
export const abortSignal = check(isAbortSignal, 'an AbortSignal');

function isAbortSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener, throwIfAborted } = value as Partial<AbortSignal>;
  const methods: readonly unknown[] = [addEventListener, removeEventListener, throwIfAborted];
  return typeof aborted === 'boolean' && methods.every((method) => typeof method === 'function');
}
