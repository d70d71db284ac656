/**
 * @file Inputs of texts and images: turns the forms that a caller may use into one list of parts.
 */
import { InputError } from '../errors.ts';
import { checkWellFormed } from '../inputs/well-formed.ts';
import type { ImageSource } from './image-source.ts';

/** Stands for an image in the text of an input. */
export const MEDIA_MARKER = '<__media__>';

/** A part of an input: a text, token ids, or an image. */
export type ContentPart =
  | { readonly text: string }
  | { readonly tokens: readonly number[] | Int32Array }
  | { readonly image: ImageSource };

/** A text with a marker `<__media__>` for each of its images. */
export interface MarkedText {
  readonly text: string;
  readonly images: readonly ImageSource[];
}

/** An input of texts and images. */
export type MediaInput = ContentPart | MarkedText | readonly ContentPart[];

const partKinds = ['text', 'tokens', 'image'] as const;

/** Whether an input has the form of texts and images, and is not a string or token ids. */
export function isMediaInput(input: unknown): input is MediaInput {
  if (Array.isArray(input)) return input.length > 0 && input.every(isPartLike);
  return isPartLike(input);
}

function isPartLike(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && partKinds.some((kind) => kind in value)
  );
}

/**
 * The parts of an input, in order. Joins consecutive texts and drops empty ones.
 * @throws InputError for a part that is neither text, tokens nor image, or if the numbers of markers and images differ
 */
export function partsOf(input: MediaInput, what: string, index?: number): ContentPart[] {
  const parts: ContentPart[] = [];
  let text = '';
  const endText = () => {
    if (text !== '') parts.push({ text });
    text = '';
  };
  for (const part of unjoinedParts(input, what, index)) {
    if (!('text' in part)) {
      endText();
      parts.push(part);
      continue;
    }
    checkWellFormed(part.text, what, index);
    text += part.text;
  }
  endText();
  return parts;
}

function unjoinedParts(input: MediaInput, what: string, index: number | undefined): readonly ContentPart[] {
  if (!Array.isArray(input) && 'images' in input) return markedParts(input, what, index);
  const parts = Array.isArray(input) ? (input as readonly ContentPart[]) : [input as ContentPart];
  for (const [i, part] of parts.entries()) {
    const kinds = partKinds.filter((kind) => kind in part);
    if (kinds.length !== 1 || ('text' in part && typeof part.text !== 'string')) {
      throw new InputError('shape', `part ${i} of ${what} must have one of text, tokens and image`, index);
    }
  }
  return parts;
}

function markedParts({ text, images }: MarkedText, what: string, index: number | undefined): ContentPart[] {
  if (typeof text !== 'string' || !Array.isArray(images)) {
    throw new InputError('shape', `${what} must have a text and an array of images`, index);
  }
  const texts = text.split(MEDIA_MARKER);
  if (texts.length - 1 !== images.length) {
    const counts = `${texts.length - 1} markers ${MEDIA_MARKER} and ${images.length} images`;
    throw new InputError('shape', `${what} has ${counts}: each image needs a marker`, index);
  }
  return texts.flatMap((piece, i) => (i === 0 ? [{ text: piece }] : [{ image: images[i - 1] }, { text: piece }]));
}
