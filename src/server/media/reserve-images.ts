/**
 * @file Reserves memory for the pixels of a request's images before any is decoded.
 */
import { type ContentPart, isMediaInput } from '../../engine/images/parts.ts';
import type { EmbedInput } from '../../engine/index.ts';
import type { ComputeContext } from '../request.ts';

/** Bytes of a pixel during decoding: as stored, and as R, G, B. */
const BYTES_PER_PIXEL = 6;

/**
 * Reserves memory for the images of `inputs`.
 * @param nameOf name of an input in messages
 * @throws ImageError for an image whose header cannot be read, HttpError (503) if there is no memory for its pixels
 */
export async function reserveImages(
  context: ComputeContext,
  inputs: readonly EmbedInput[],
  nameOf = (index: number) => `input ${index}`,
): Promise<void> {
  const media = inputs.filter(isMediaInput);
  if (media.length === 0) return;
  const { imageSize } = await import('../../image/index.ts');
  for (const [index, input] of inputs.entries()) {
    if (!isMediaInput(input)) continue;
    const parts = (Array.isArray(input) ? input : [input]) as readonly ContentPart[];
    let nth = 0;
    for (const part of parts) {
      if (!('image' in part) || !(part.image instanceof Uint8Array)) continue;
      const { width, height } = imageSize(part.image, { name: `image ${nth++} of ${nameOf(index)}` });
      context.reserveBytes(width * height * BYTES_PER_PIXEL);
    }
  }
}
