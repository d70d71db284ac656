/**
 * @file `ModelError`, the error class of models.
 */

import { escapeControls } from '../gguf/escape.ts';

/** The file is a GGUF, but not a supported model. The message says what was expected, and names the key or tensor. */
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
