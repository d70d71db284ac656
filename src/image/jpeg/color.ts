/**
 * @file Converts the components of a JPEG file to R, G, B, in the arithmetic of stb_image.
 */
import type { Frame, Tables } from './markers.ts';

const fixed = (x: number) => Math.trunc(4096 * x + 0.5) * 256;
const RED_CR = fixed(1.402);
const GREEN_CR = fixed(0.71414);
const GREEN_CB = fixed(0.34414);
const BLUE_CB = fixed(1.772);

/** Writes one row: `rows` has a row of samples for each component, `out` the pixels from byte `at` on. */
export type RowPainter = (rows: readonly Uint8Array[], width: number, out: Uint8Array, at: number) => void;

/** How this file stores colours. */
export function painterOf({ components }: Frame, { adobeTransform, hasJfif }: Tables): RowPainter {
  if (components.length === 1) return paintGray;
  if (components.length === 3) {
    const namesRgb = components.every(({ id }, c) => id === 'RGB'.charCodeAt(c));
    return namesRgb || (adobeTransform === 0 && !hasJfif) ? paintRgb : paintYcc;
  }
  if (adobeTransform === 0) return paintCmyk;
  return adobeTransform === 2 ? paintYcck : paintYcc;
}

const paintGray: RowPainter = ([gray], width, out, at) => {
  for (let x = 0; x < width; x++, at += 3) out[at] = out[at + 1] = out[at + 2] = gray[x];
};

const paintRgb: RowPainter = (rows, width, out, at) => {
  for (let x = 0; x < width; x++, at += 3) for (let c = 0; c < 3; c++) out[at + c] = rows[c][x];
};

const paintYcc: RowPainter = ([luma, blue, red], width, out, at) => {
  for (let x = 0; x < width; x++, at += 3) {
    const y = (luma[x] << 20) + (1 << 19);
    const cr = red[x] - 128;
    const cb = blue[x] - 128;
    out[at] = clamp((y + cr * RED_CR) >> 20);
    out[at + 1] = clamp((y - cr * GREEN_CR + ((-cb * GREEN_CB) & ~0xffff)) >> 20);
    out[at + 2] = clamp((y + cb * BLUE_CB) >> 20);
  }
};

/** Inks are stored inverted: 255 is no ink. */
const paintCmyk: RowPainter = (rows, width, out, at) => {
  const black = rows[3];
  for (let x = 0; x < width; x++, at += 3) for (let c = 0; c < 3; c++) out[at + c] = times(rows[c][x], black[x]);
};

const paintYcck: RowPainter = (rows, width, out, at) => {
  paintYcc(rows, width, out, at);
  const black = rows[3];
  for (let x = 0; x < width; x++, at += 3) {
    for (let c = 0; c < 3; c++) out[at + c] = times(255 - out[at + c], black[x]);
  }
};

/** `x * y / 255`, rounded. */
function times(x: number, y: number): number {
  const product = x * y + 128;
  return (product + (product >> 8)) >> 8;
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
