/**
 * @file PNG: gray, colour and palette pictures of 1 to 16 bits, with or without alpha and interlacing.
 *
 * 16-bit samples are cut to their high byte; gammas and colour profiles are ignored, as llama.cpp does.
 */
import { type DecodedImage, hasText, type ImageFormat } from '../pixels.ts';
import { PALETTE, type PngFile, readPngFile, readPngHeader } from './header.ts';
import { readRows } from './rows.ts';

export const png: ImageFormat = {
  name: 'PNG',
  detects: (bytes) => hasText(bytes, 0, '\x89PNG\r\n\x1a\n'),
  readHeader: readPngHeader,
  readOrientation: (bytes) => readPngFile(bytes).orientation,
  decode,
};

async function decode(bytes: Uint8Array, wantAlpha: boolean): Promise<DecodedImage> {
  const file = readPngFile(bytes);
  const { width, height, depth, samples } = file;
  const rgb = new Uint8Array(width * height * 3);
  const hasAlpha = samples === 2 || samples === 4 || file.transparency !== undefined;
  const alpha = wantAlpha && hasAlpha ? new Uint8Array(width * height) : undefined;
  const paint = painterOf(file, rgb, alpha);
  let unpacked = new Uint16Array(0);
  await readRows(file, (row, y, pass) => {
    const n = pass.width * samples;
    if (unpacked.length < n) unpacked = new Uint16Array(n);
    unpackSamples(row, depth, n, unpacked);
    let to = (pass.y0 + y * pass.dy) * width + pass.x0;
    for (let i = 0; i < n; i += samples, to += pass.dx) paint(unpacked, i, to);
  });
  return { width, height, rgb, alpha };
}

function unpackSamples(row: Uint8Array, depth: number, n: number, into: Uint16Array): void {
  if (depth === 8) into.set(row.subarray(0, n));
  else if (depth === 16) for (let i = 0; i < n; i++) into[i] = (row[2 * i] << 8) | row[2 * i + 1];
  else {
    const mask = (1 << depth) - 1;
    for (let i = 0; i < n; i++) {
      const bit = i * depth;
      into[i] = (row[bit >> 3] >> (8 - depth - (bit & 7))) & mask;
    }
  }
}

/** Writes the pixel whose samples begin at `from` as pixel `to` of the picture. */
type Painter = (samples: Uint16Array, from: number, to: number) => void;

function painterOf(file: PngFile, rgb: Uint8Array, alpha: Uint8Array | undefined): Painter {
  const { depth, samples, transparency } = file;
  if (file.colorType === PALETTE) {
    const palette = file.palette ?? new Uint8Array(0);
    return (values, from, to) => {
      const entry = values[from];
      for (let c = 0; c < 3; c++) rgb[3 * to + c] = palette[3 * entry + c] ?? 0;
      if (alpha !== undefined) alpha[to] = transparency?.[entry] ?? 255;
    };
  }
  const shift = depth === 16 ? 8 : 0;
  const scale = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  const isGray = samples < 3;
  const transparent = transparentColor(file);
  const step = isGray ? 0 : 1;
  return (values, from, to) => {
    const at = 3 * to;
    rgb[at] = (values[from] >> shift) * scale;
    rgb[at + 1] = (values[from + step] >> shift) * scale;
    rgb[at + 2] = (values[from + 2 * step] >> shift) * scale;
    if (alpha === undefined) return;
    if (transparent === undefined) alpha[to] = values[from + samples - 1] >> shift;
    else alpha[to] = transparent.every((value, c) => values[from + c] === value) ? 0 : 255;
  };
}

/** The samples that mean transparency in a picture without an alpha channel. */
function transparentColor({ samples, depth, transparency }: PngFile): number[] | undefined {
  if (samples === 2 || samples === 4 || transparency === undefined) return undefined;
  const mask = (1 << depth) - 1;
  return Array.from({ length: samples }, (_, c) => {
    const value = ((transparency[2 * c] ?? 0) << 8) | (transparency[2 * c + 1] ?? 0);
    return value & mask;
  });
}
