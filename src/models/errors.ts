/**
 * @file `ModelError`, the error class of models.
 */

import { escapeControls } from '../gguf/escape.ts';

/**
 * The file is a GGUF, but not a supported model: the message says what was expected, and names the key or tensor. Or what the model computes is no
 * number.
 */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  /** The metadata key concerned. */
  readonly key?: string;
  /** The tensor concerned. */
  readonly tensor?: string;

  constructor(message: string, where: { key?: string; tensor?: string } = {}) {
    super(escapeControls(message));
    this.key = where.key;
    this.tensor = where.tensor;
  }
}

/** What to do about weights that are damaged. */
const REMEDY = 'Get the file again or convert it anew; gguf-embed trace prints what each step computes';

/**
 * The error for results with values that are NaN or infinite.
 * @param isAdapted whether adapters were applied
 */
export function notNumbers(what: string, isAdapted: boolean): ModelError {
  const [file, numbers] = isAdapted
    ? ['the file of the model or of an adapter', 'with the scale of an adapter, numbers']
    : ["the model's file", "the model's numbers"];
  return new ModelError(
    `${what} has values that are NaN or infinite: a weight in ${file} is, or ${numbers} exceed those of float32. ${REMEDY}`,
  );
}

/** The error for a vector that only weights of 0 can give. */
export function nothingButZeros(what: string): ModelError {
  return new ModelError(
    `${what} is nothing but zeros: so are weights in the model's file, as where a download stopped. ${REMEDY}`,
  );
}
