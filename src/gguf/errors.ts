/**
 * @file `GgufError`, the error class of this folder.
 */

import { escapeControls } from './escape.ts';

/** Where a `GgufError` was found. */
export interface GgufErrorPlace {
  /** Name of the source, usually the path. */
  readonly source?: string;
  /** Metadata key. */
  readonly key?: string;
  /** Tensor name. */
  readonly tensor?: string;
  /** Byte offset of the invalid field in the source. */
  readonly offset?: number;
  readonly cause?: unknown;
}

/** The file is not a usable GGUF, or a value has another type than requested. The message begins with the place. */
export class GgufError extends Error {
  override readonly name = 'GgufError';
  readonly key?: string;
  readonly tensor?: string;
  readonly offset?: number;

  /** @param problem what was found and what was expected */
  constructor(problem: string, place: GgufErrorPlace = {}) {
    const { source, key, tensor, offset, cause } = place;
    const where: string[] = [];
    if (source !== undefined) where.push(source);
    const parts: string[] = [];
    if (key !== undefined) parts.push(`key ${printable(key)}`);
    if (tensor !== undefined) parts.push(`tensor ${printable(tensor)}`);
    if (offset !== undefined) parts.push(`at byte ${offset}`);
    if (parts.length > 0) where.push(parts.join(' '));
    super(escapeControls([...where, problem].join(': ')), cause === undefined ? undefined : { cause });
    this.key = key;
    this.tensor = tensor;
    this.offset = offset;
  }
}

/** Most characters of a name from a file that a message shows. */
const MAX_PRINTED = 80;

/** A name from a file for a message: quoted if it is not plain ASCII, cut if it is long. */
export function printable(text: string): string {
  const cut = text.length > MAX_PRINTED ? `${text.slice(0, MAX_PRINTED)}…` : text;
  return /^[\x21-\x7e]+$/.test(cut) ? cut : escapeControls(JSON.stringify(cut));
}
