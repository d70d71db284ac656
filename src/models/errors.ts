/**
 * @file The error of a model file that cannot be run.
 */

import { escapeControls } from '../gguf/escape.ts';

/** The file is a GGUF, but not a model that can be run: its message says what was expected and which key or tensor has it. */
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
