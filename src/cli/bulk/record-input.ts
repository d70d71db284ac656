/**
 * @file From a record to an input of the engine: the field with the text, images.
 */
import type { MediaInput } from '../../engine/images/parts.ts';
import { loneSurrogate } from '../../engine/inputs/well-formed.ts';
import { mediaOfJson } from '../input/images.ts';
import type { RecordFields } from './record.ts';

/** Why a record cannot be embedded; the message goes on after `line 3 `. */
export class RecordProblem extends Error {}

/**
 * The text of a record.
 * @throws RecordProblem if the field is missing or is not a text
 */
export function textOf(fields: RecordFields, textField: string): string {
  const field = fields.get(textField);
  if (field === undefined) {
    const names = Array.from(fields.keys(), (name) => JSON.stringify(name)).join(', ') || 'none';
    throw new RecordProblem(
      `has no field ${JSON.stringify(textField)} (its fields: ${names}): name the one with the text with --text-field`,
    );
  }
  const { value } = field;
  if (typeof value !== 'string') {
    const what = value === null ? 'null' : Array.isArray(value) ? 'a list' : `of the type ${typeof value}`;
    throw new RecordProblem(`has a field ${JSON.stringify(textField)} that is not a text: it is ${what}`);
  }
  const half = loneSurrogate(value);
  if (half !== undefined) throw new RecordProblem(`has half of a surrogate pair at character ${half}`);
  return value;
}

/** Whether a record has images; then its text may be missing. */
export function hasImages(fields: RecordFields): boolean {
  return fields.has('image') || fields.has('images');
}

/**
 * The input that a record stands for: its text, or its text and images.
 * @throws RecordProblem
 */
export function inputOf(fields: RecordFields, textField: string): string | MediaInput {
  if (!hasImages(fields)) return textOf(fields, textField);
  const parts = {
    ...(fields.has(textField) && { text: textOf(fields, textField) }),
    ...(fields.has('image') && { image: fields.get('image')?.value }),
    ...(fields.has('images') && { images: fields.get('images')?.value }),
  };
  const media = mediaOfJson('images' in parts ? { text: '', ...parts } : parts);
  if (media === undefined) throw new RecordProblem('has no text and no image');
  return media;
}
