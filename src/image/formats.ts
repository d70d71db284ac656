/**
 * @file The supported formats, in the order in which they are tried, and the names of known formats that are not supported.
 */
import { bmp } from './bmp.ts';
import { unsupported } from './errors.ts';
import { gif } from './gif.ts';
import { jpeg } from './jpeg/index.ts';
import { hasText, type ImageFormat } from './pixels.ts';
import { png } from './png/index.ts';
import { pnm } from './pnm.ts';
import { webp } from './webp/index.ts';

const formats: readonly ImageFormat[] = [png, bmp, gif, jpeg, pnm, webp];

/** Other formats that a user may give: name, offset of the signature, signature. */
const others: readonly (readonly [string, number, string])[] = [
  ['AVIF', 4, 'ftypavif'],
  ['HEIC', 4, 'ftyphei'],
  ['HEIC', 4, 'ftypmif1'],
  ['JPEG XL', 0, '\xff\x0a'],
  ['JPEG XL', 4, 'JXL \r\n'],
  ['JPEG 2000', 4, 'jP  \r\n'],
  ['TIFF', 0, 'II*\0'],
  ['TIFF', 0, 'MM\0*'],
  ['PDF', 0, '%PDF'],
  ['Photoshop', 0, '8BPS'],
  ['Radiance HDR', 0, '#?RADIANCE'],
  ['SVG', 0, '<svg'],
  ['SVG', 0, '<?xml'],
  ['WAV audio', 8, 'WAVE'],
  ['MP3 audio', 0, 'ID3'],
  ['FLAC audio', 0, 'fLaC'],
  ['video (MP4)', 4, 'ftyp'],
];

/**
 * The format of a file, from its first bytes.
 * @throws ImageError `format` for any other file; the message names the format if it is known
 */
export function detectFormat(bytes: Uint8Array): ImageFormat {
  const format = formats.find((format) => format.detects(bytes));
  if (format !== undefined) return format;
  const known = formats.map(({ name }) => name).join(', ');
  if (bytes.length === 0) throw unsupported('the file is empty');
  const other = others.find(([, at, mark]) => hasText(bytes, at, mark));
  throw unsupported(
    `${other === undefined ? 'this is not a picture' : `${other[0]} is not supported`}; supported formats: ${known}`,
  );
}
