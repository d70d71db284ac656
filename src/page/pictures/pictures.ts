/**
 * @file Pictures of the reader's, beside the texts. They stay in the browser, unless a server computes their vectors.
 */
import { signal } from '@preact/signals';
import { t } from '../words/words.ts';

/** A picture with a small copy of it to show. */
export interface Picture {
  readonly name: string;
  readonly file: Blob;
  readonly thumbnail: ImageBitmap;
  /** Address of the thumbnail. */
  readonly url: string;
}

/** What every engine and browser reads. */
export const PICTURE_TYPES = 'image/png,image/jpeg,image/webp,image/gif,image/bmp';

/** Pixels of the width of a thumbnail. */
const THUMBNAIL = 160;

/** The pictures, in the order in which they came. */
export const pictures = signal<readonly Picture[]>([]);

/** Settles when all pictures before the next one are in the list. */
let added: Promise<unknown> = Promise.resolve();

/**
 * Takes a picture. Several are read at the same time, and stand in the order in which they came.
 * @throws Error that says which files are pictures
 */
export async function addPicture(file: File): Promise<void> {
  const reading = readPicture(file);
  added = Promise.allSettled([added, reading]);
  await added;
  pictures.value = [...pictures.value, await reading];
}

async function readPicture(file: File): Promise<Picture> {
  const isKnown = PICTURE_TYPES.split(',').includes(file.type);
  const thumbnail = isKnown
    ? await createImageBitmap(file, { resizeWidth: THUMBNAIL }).catch(() => undefined)
    : undefined;
  if (thumbnail === undefined) throw new Error(t('notPicture', { name: file.name }));
  const canvas = new OffscreenCanvas(thumbnail.width, thumbnail.height);
  canvas.getContext('2d')!.drawImage(thumbnail, 0, 0);
  const url = URL.createObjectURL(await canvas.convertToBlob());
  return { name: file.name, file, thumbnail, url };
}

/** Forgets all pictures. */
export function clearPictures(): void {
  for (const { url } of pictures.value) URL.revokeObjectURL(url);
  pictures.value = [];
}
