/**
 * @file Images on the command line: the options for loading, and inputs from flags and JSON lines.
 */
import { type ContentPart, isMediaInput, MEDIA_MARKER, type MediaInput } from '../../engine/images/parts.ts';
import type { ImageSource, LoadOptions } from '../../engine/index.ts';
import type { OptionValues } from '../options/option-table.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';
import { readInput } from './input.ts';

/** The image options of `Embedder.load`. @throws UsageError for an invalid colour */
export function visionOptions(values: OptionValues): Pick<LoadOptions, 'images' | 'imageCache' | 'mediaPooling'> {
  const { imageMinTokens, imageMaxTokens, imageExif, imageBackground, imageCache, mediaPooling } = values;
  return {
    mediaPooling,
    imageCache: imageCache * 2 ** 20,
    images: {
      minTokens: imageMinTokens < 1 ? undefined : imageMinTokens,
      maxTokens: imageMaxTokens < 1 ? undefined : imageMaxTokens,
      exif: imageExif,
      background: imageBackground === undefined ? undefined : readColor(imageBackground),
    },
  };
}

function readColor(text: string): [number, number, number] {
  const hex = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  if (hex === null) throw new UsageError(`--image-background must be a colour like ffffff, not "${text}"`);
  const [r, g, b] = hex.slice(1).map((digits) => Number.parseInt(digits, 16));
  return [r, g, b];
}

/** The text of the input; with images and no text given, there is none. */
export function readTextBeside(images: readonly string[], values: OptionValues): Promise<string> | string {
  const isGiven = values.prompt !== undefined || values.file !== undefined || values.stdin;
  return images.length > 0 && !isGiven ? '' : readInput(values);
}

/**
 * A text with images, at its markers or before it.
 * @throws UsageError if the numbers of markers and images differ
 */
export function withImages(images: readonly string[], text: string): MediaInput {
  const nMarkers = text.split(MEDIA_MARKER).length - 1;
  if (nMarkers === 0) return [...images.map((image) => ({ image })), { text }];
  if (nMarkers === images.length) return { text, images };
  throw new UsageError(
    `the text has ${plural(nMarkers, 'marker')} ${MEDIA_MARKER}, but --image was given ${plural(images.length, 'time')}`,
  );
}

/** The name of an input of texts and images in readable output. */
export function labelOf(input: string | MediaInput): string {
  if (typeof input === 'string') return input;
  if (!Array.isArray(input) && 'images' in input) return `${input.text} (${input.images.map(nameOf).join(', ')})`;
  const parts = (Array.isArray(input) ? input : [input]) as readonly ContentPart[];
  return parts
    .map((part) => ('text' in part ? part.text : 'image' in part ? nameOf(part.image) : ''))
    .filter((text) => text !== '')
    .join(' ');
}

function nameOf(image: ImageSource): string {
  return typeof image === 'string' ? image : 'image';
}

/**
 * An input of texts and images from a JSON line: `{"text": …, "image": …}`, a list of such parts, or
 * `{"text": "… <__media__> …", "images": […]}`. An image is a path, a data URI, or `{"base64": …}`. Undefined for any other value.
 */
export function mediaOfJson(value: unknown): MediaInput | undefined {
  if (!isMediaInput(value)) return undefined;
  if (Array.isArray(value)) return (value as Record<string, unknown>[]).flatMap(partsOfJson);
  const record = value as unknown as Record<string, unknown>;
  if (Array.isArray(record.images))
    return { ...record, images: record.images.map(imageOfJson) } as unknown as MediaInput;
  return partsOfJson(record);
}

function partsOfJson({ text, image }: Record<string, unknown>): ContentPart[] {
  const parts: ContentPart[] = [];
  if (image !== undefined) parts.push({ image: imageOfJson(image) });
  if (text !== undefined) parts.push({ text: text as string });
  return parts;
}

function imageOfJson(value: unknown): ImageSource {
  const base64 = (value as { base64?: unknown } | null)?.base64;
  if (typeof base64 === 'string') return new Uint8Array(Buffer.from(base64, 'base64'));
  if (typeof value !== 'string') return value as ImageSource;
  const uri = /^data:[^,]*;base64,/i.exec(value.slice(0, 200));
  return uri === null ? value : new Uint8Array(Buffer.from(value.slice(uri[0].length), 'base64'));
}
