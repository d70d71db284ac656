/**
 * @file Transfers errors between threads. A structured clone alone would lose their classes and fields.
 */

/** An error as plain data. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An error class that is kept across threads. Its `name` must be that of its instances. */
export type ErrorClass = { readonly name: string; readonly prototype: Error };

/** Packs an error, whatever was thrown, with its own fields that are plain data. */
export function packError(error: unknown): PackedError {
  try {
    if (!(error instanceof Error)) return { name: 'Error', message: String(error), fields: {} };
    const { name, message, stack } = error;
    const fields = Object.entries(error).filter(([key, value]) => key !== 'cause' && isPlain(value));
    return { name: `${name}`, message: `${message}`, stack: stack && `${stack}`, fields: Object.fromEntries(fields) };
  } catch {
    return { name: 'Error', message: 'what was thrown cannot be read', fields: {} };
  }
}

/** Unpacks an error. It has the class in `classes` with its name, or else is an `Error` with that name. */
export function unpackError({ name, message, stack, fields }: PackedError, classes: readonly ErrorClass[]): Error {
  const error = new Error(message);
  const known = classes.find((kind) => kind.name === name);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  return Object.assign(error, { ...fields, name, stack });
}

/** Whether a value is plain data, and no deeper than the fields of errors are: it may contain itself. */
function isPlain(value: unknown, depth = 3): boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return true;
  if (typeof value !== 'object' || value === null || depth === 0) return false;
  const isObject = Object.getPrototypeOf(value) === Object.prototype;
  return isObject && Object.values(value).every((inner) => isPlain(inner, depth - 1));
}
