/**
 * @file The output of decoders: pixels of 8 bits, with a separate alpha channel.
 */

/** A decoded picture, 3 bytes (R, G, B) a pixel, row by row. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `width * height * 3` bytes. */
  readonly rgb: Uint8Array;
}

/** A picture as a decoder returns it. */
export interface DecodedImage extends RgbImage {
  /** `width * height` bytes, 255 is opaque. Present only when the file has an alpha channel and the caller asks for it. */
  readonly alpha?: Uint8Array;
}

/** What a file's header says. */
export interface ImageHeader {
  readonly width: number;
  readonly height: number;
}

/** One file format. */
export interface ImageFormat {
  /** Name in messages. */
  readonly name: string;
  /** Whether a file begins like this format. */
  detects(bytes: Uint8Array): boolean;
  /** Reads the size without decoding. @throws ImageError for a header that cannot be read */
  readHeader(bytes: Uint8Array): ImageHeader;
  /** The orientation that the camera recorded: 1 (upright) to 8, as in EXIF. Formats without this have no EXIF data. @throws ImageError */
  readOrientation?(bytes: Uint8Array): number;
  /**
   * Decodes the picture. The caller has checked the size that `readHeader` gives.
   * @param wantAlpha whether the caller needs the alpha channel
   * @throws ImageError
   */
  decode(bytes: Uint8Array, wantAlpha: boolean): DecodedImage | Promise<DecodedImage>;
}

/** Whether `bytes` has the characters of `text` at `at`. */
export function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
