/**
 * @file Errors on their way between threads, where structured clones lose classes and fields.
 */

/** An error as plain data. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A class that an error keeps. Its `name` must be that of its instances. */
export type ErrorClass = { readonly name: string; readonly prototype: Error };

/** Takes an error apart: its own fields go along as far as they are plain data. */
export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), fields: {} };
  const { name, message, stack } = error;
  const fields = Object.entries(error).filter(([key, value]) => key !== 'cause' && isPlain(value));
  return { name, message, stack, fields: Object.fromEntries(fields) };
}

/** Puts an error together again. It is of the class in `classes` that has its name, otherwise an `Error` of that name. */
export function unpackError({ name, message, stack, fields }: PackedError, classes: readonly ErrorClass[]): Error {
  const error = new Error(message);
  const known = classes.find((kind) => kind.name === name);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  return Object.assign(error, { ...fields, name, stack });
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}
