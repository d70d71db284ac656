/**
 * @file The chunks of a PNG file: its header, palette and transparency, and the packed pixels.
 */
import { ByteReader } from '../byte-reader.ts';
import { damaged, unsupported } from '../errors.ts';
import { exifOrientation } from '../exif.ts';

/** Samples a pixel for each colour type. */
const samplesOf: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOf: Record<number, readonly number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
export const PALETTE = 3;

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  readonly colorType: number;
  /** Samples a pixel. */
  readonly samples: number;
  readonly interlaced: boolean;
}

export interface PngFile extends PngHeader {
  /** R, G, B for each palette entry. */
  readonly palette: Uint8Array | undefined;
  /** Content of `tRNS`: alpha values of the palette, or the transparent colour. */
  readonly transparency: Uint8Array | undefined;
  readonly orientation: number;
  /** Contents of the `IDAT` chunks, in order. */
  readonly packed: readonly Uint8Array[];
}

const SIGNATURE_BYTES = 8;

/** @throws ImageError for a header that is damaged or contains values that PNG does not define */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const reader = new ByteReader(bytes, SIGNATURE_BYTES);
  const length = reader.u32be();
  const type = reader.text(4);
  if (type === 'CgBI') throw unsupported("PNG in Apple's own variant (CgBI) is not supported");
  if (type !== 'IHDR' || length !== 13) throw damaged('a PNG file must begin with its header (IHDR)');
  const width = reader.u32be();
  const height = reader.u32be();
  const [depth, colorType, compression, filter, interlace] = reader.take(5);
  if (!depthsOf[colorType]?.includes(depth)) {
    throw damaged(`PNG does not define pictures of colour type ${colorType} with ${depth} bits`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw damaged(
      `PNG does not define compression ${compression}, filter method ${filter} or interlacing ${interlace}`,
    );
  }
  return { width, height, depth, colorType, samples: samplesOf[colorType], interlaced: interlace === 1 };
}

/**
 * Reads the chunks up to the end of the file. A chunk that the file cuts short is read as far as it goes. Checksums are not compared;
 * llama.cpp does not compare them either.
 */
export function readPngFile(bytes: Uint8Array): PngFile {
  const header = readPngHeader(bytes);
  const reader = new ByteReader(bytes, SIGNATURE_BYTES + 25);
  const packed: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  let orientation = 1;
  while (reader.left >= 8) {
    const length = reader.u32be();
    const type = reader.text(4);
    const data = reader.take(Math.min(length, reader.left));
    reader.skip(Math.min(4, reader.left));
    if (type === 'IEND') break;
    if (type === 'IDAT') packed.push(data);
    else if (type === 'PLTE') palette = data;
    else if (type === 'tRNS') transparency = data;
    else if (type === 'eXIf') orientation = exifOrientation(data);
    // Decoders must understand chunks whose names begin with a capital letter.
    else if (/^[A-Z]/.test(type))
      throw unsupported(`the PNG file has a chunk ${JSON.stringify(type)}, which is unknown`);
  }
  if (packed.length === 0) throw damaged('the PNG file has no pixels (IDAT)');
  if (header.colorType === PALETTE && palette === undefined) throw damaged('the PNG file lacks its palette (PLTE)');
  return { ...header, palette, transparency, orientation, packed };
}
