/**
 * @file `ConvertError`, the error class of the converter.
 */
import { printable } from '../gguf/errors.ts';

/** The checkout is damaged, incomplete or not supported. The message begins with the file. */
export class ConvertError extends Error {
  override readonly name = 'ConvertError';
  /** File of the checkout. */
  readonly file?: string;

  /** @param problem what was found and what was expected */
  constructor(problem: string, file?: string, cause?: unknown) {
    const message = file === undefined ? problem : `${printable(file)}: ${problem}`;
    super(message, cause === undefined ? undefined : { cause });
    this.file = file;
  }
}

/** The error for an invalid option, in the form that `readOptions` takes. */
export function optionError(message: string, options?: ErrorOptions): ConvertError {
  return new ConvertError(message, undefined, options?.cause);
}
