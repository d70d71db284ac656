/**
 * @file The forms in which a caller may give an image, and how to read its bytes.
 */
import { systemReason } from '../../gguf/system-error.ts';
import { builtin } from '../../workers/index.ts';
import { InputError } from '../errors.ts';
import { filePath } from '../platform.ts';

/** Pixels of a canvas: 4 bytes (R, G, B, A) each, row by row. The DOM's `ImageData` is one. */
export interface RgbaPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * An image: the bytes of its file (JPEG, PNG, WebP, GIF, BMP or PNM), a Blob of them, a path or `file:` URL, or the pixels of a
 * canvas.
 */
export type ImageSource = Uint8Array | ArrayBuffer | SharedArrayBuffer | Blob | RgbaPixels | string | URL;

/** An image whose bytes are in memory. */
export interface RawImage {
  /** Its name in messages. */
  readonly name: string;
  readonly content: Uint8Array | RgbaPixels;
}

/** Whether the caller gave pixels instead of a file. */
export function isPixels(content: RawImage['content']): content is RgbaPixels {
  return !('byteLength' in content);
}

/**
 * The bytes of an image.
 * @param index the input that it belongs to
 * @throws InputError for a value that is not an image, or a file that cannot be read
 */
export async function readImage(source: ImageSource, name: string, index: number, limit: number): Promise<RawImage> {
  if (typeof source === 'string') return { name: quoted(source), content: await readFile(source, index, limit) };
  // Checks tags, not classes, so that objects of another realm work.
  const tag = Object.prototype.toString.call(source).slice(8, -1);
  if (tag === 'URL') {
    const url = source as URL;
    if (url.protocol !== 'file:') {
      throw new InputError(
        'image',
        `${name}: images are not read from ${url.protocol} URLs: fetch it into a Blob`,
        index,
      );
    }
    return { name: url.href, content: await readFile(filePath(url), index, limit) };
  }
  if (tag === 'Uint8Array') return { name, content: ownBytes(source as Uint8Array) };
  if (/^(Shared)?ArrayBuffer$/.test(tag)) {
    const { byteLength } = source as ArrayBuffer;
    return { name, content: byteLength === 0 ? new Uint8Array(0) : ownBytes(new Uint8Array(source as ArrayBuffer)) };
  }
  if (tag === 'Blob' || tag === 'File') {
    const blob = source as Blob;
    if (blob.size > limit) throw tooLarge(name, blob.size, limit, index);
    return { name, content: new Uint8Array(await blob.arrayBuffer()) };
  }
  if (isRgba(source)) {
    const { width, height, data } = source;
    return { name, content: { width, height, data: ownBytes(data) } };
  }
  throw new InputError('image', `${name} must be bytes, a Blob, ImageData or a path`, index);
}

/** The same bytes as a plain array, in memory that no other thread writes to. Those of a detached buffer are none. */
function ownBytes({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  if (byteLength === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]' ? bytes.slice() : bytes;
}

function isRgba(source: unknown): source is RgbaPixels {
  const { width, height, data } = (source ?? {}) as Partial<RgbaPixels>;
  return (
    Number.isInteger(width) &&
    Number.isInteger(height) &&
    /^\[object Uint8(Clamped)?Array\]$/.test(Object.prototype.toString.call(data)) &&
    data!.length === 4 * width! * height!
  );
}

/** Strings that are not paths, and what to do instead. */
const noPaths: readonly (readonly [form: RegExp, remedy: string])[] = [
  [/^https?:/i, 'images are not downloaded: download it and give its path, or give the bytes'],
  [/^data:/i, 'this data URI is not base64: give the bytes of the image'],
  [/^file:/i, 'give its path, not its URL as text'],
  [/^[a-z][a-z\d+.-]+:\/\//i, 'images are not read from such addresses: give a path, or the bytes of the image'],
  [
    /^[A-Za-z0-9+/\s]{64,}={0,2}\s*$/,
    'it looks like base64: give the bytes, or in a line of --jsonl {"base64": "…"} or a data URI',
  ],
];

async function readFile(path: string, index: number, limit: number): Promise<Uint8Array> {
  const fs = builtin('node:fs/promises');
  const name = quoted(path);
  const refuse = (problem: string) => new InputError('image', `${name} cannot be read: ${problem}`, index);
  if (fs === undefined) throw refuse('this runtime has no files; give the bytes of the image');
  try {
    const status = await fs.stat(path);
    if (!status.isFile()) throw refuse('it is not a regular file');
    if (status.size > limit) throw tooLarge(name, status.size, limit, index);
    const { buffer, byteOffset, byteLength } = await fs.readFile(path);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const remedy = noPaths.find(([form]) => form.test(path))?.[1];
    throw refuse(remedy ?? systemReason(error as Error).replaceAll(path, name));
  }
}

/** Characters that a message shows of a string that is not a path. */
const QUOTED = 40;
/** Longest path that messages show in full. */
const LONGEST_SHOWN = 400;

/** A path for messages; for a string that cannot be a path, its first characters and its length. */
function quoted(path: string): string {
  if (path.length <= LONGEST_SHOWN) return path;
  return `${path.slice(0, QUOTED)}… (${path.length} characters)`;
}

function tooLarge(name: string, size: number, limit: number, index: number): InputError {
  return new InputError('image', `${name}: the file has ${size} bytes; at most ${limit} are allowed`, index);
}
