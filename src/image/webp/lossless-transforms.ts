/**
 * @file Undoes the transforms that an encoder of lossless WebP applies to pixels before it packs them.
 */
import { areasOf } from './lossless-pixels.ts';

/** Undoes one transform. */
export type Inverse = (pixels: Uint32Array) => Uint32Array;

/** Adds the channels of two pixels, each modulo 256. */
export function addPixels(a: number, b: number): number {
  const alphaGreen = (a & 0xff00ff00) + (b & 0xff00ff00);
  const redBlue = (a & 0x00ff00ff) + (b & 0x00ff00ff);
  return ((alphaGreen & 0xff00ff00) | (redBlue & 0x00ff00ff)) >>> 0;
}

function average(a: number, b: number): number {
  return (((a ^ b) & 0xfefefefe) >>> 1) + (a & b);
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Assembles a pixel from the values that `channel` returns for each channel (by its shift). */
function perChannel(channel: (shift: number) => number): number {
  return ((channel(24) << 24) | (channel(16) << 16) | (channel(8) << 8) | channel(0)) >>> 0;
}

function select(left: number, top: number, corner: number): number {
  let difference = 0;
  for (let shift = 0; shift < 32; shift += 8) {
    const c = (corner >>> shift) & 255;
    difference += Math.abs(((left >>> shift) & 255) - c) - Math.abs(((top >>> shift) & 255) - c);
  }
  return difference <= 0 ? top : left;
}

const BLACK = 0xff000000;

/** Predicts a pixel from its neighbours: left, top, top right, top left. */
type Predictor = (l: number, t: number, tr: number, tl: number) => number;

const black: Predictor = () => BLACK;
const predictors: readonly Predictor[] = [
  black,
  (l) => l,
  (_, t) => t,
  (_l, _t, tr) => tr,
  (_l, _t, _tr, tl) => tl,
  (l, t, tr) => average(average(l, tr), t),
  (l, _t, _tr, tl) => average(l, tl),
  (l, t) => average(l, t),
  (_l, t, _tr, tl) => average(tl, t),
  (_l, t, tr) => average(t, tr),
  (l, t, tr, tl) => average(average(l, tl), average(t, tr)),
  (l, t, _tr, tl) => select(l, t, tl),
  (l, t, _tr, tl) =>
    perChannel((shift) => clamp(((l >>> shift) & 255) + ((t >>> shift) & 255) - ((tl >>> shift) & 255))),
  (l, t, _tr, tl) => {
    const mean = average(l, t);
    return perChannel((shift) => {
      const m = (mean >>> shift) & 255;
      return clamp(m + Math.trunc((m - ((tl >>> shift) & 255)) / 2));
    });
  },
  black,
  black,
];

/** @param modes for each area of `2 ** bits` pixels a side, the predictor in the green channel */
export function undoPrediction(width: number, modes: Uint32Array, bits: number): Inverse {
  const modesPerRow = areasOf(width, bits);
  return (pixels) => {
    pixels[0] = addPixels(pixels[0], BLACK);
    for (let x = 1; x < width; x++) pixels[x] = addPixels(pixels[x], pixels[x - 1]);
    for (let at = width, y = 1; at < pixels.length; at += width, y++) {
      pixels[at] = addPixels(pixels[at], pixels[at - width]);
      const modeRow = (y >> bits) * modesPerRow;
      for (let x = 1, i = at + 1; x < width; x++, i++) {
        const predict = predictors[(modes[modeRow + (x >> bits)] >>> 8) & 15];
        // The pixel to the right of the last one of the row above is the first one of this row.
        const above = i - width;
        pixels[i] = addPixels(pixels[i], predict(pixels[i - 1], pixels[above], pixels[above + 1], pixels[above - 1]));
      }
    }
    return pixels;
  };
}

function scaled(factor: number, channel: number): number {
  return (((factor << 24) >> 24) * ((channel << 24) >> 24)) >> 5;
}

/** @param factors for each area of `2 ** bits` pixels a side: how red and blue depend on green, and blue on red */
export function undoColors(width: number, factors: Uint32Array, bits: number): Inverse {
  const factorsPerRow = areasOf(width, bits);
  return (pixels) => {
    for (let i = 0, x = 0, y = 0; i < pixels.length; i++) {
      const factor = factors[(y >> bits) * factorsPerRow + (x >> bits)];
      const pixel = pixels[i];
      const green = (pixel >>> 8) & 255;
      const red = ((pixel >>> 16) + scaled(factor, green)) & 255;
      const blue = (pixel + scaled(factor >>> 8, green) + scaled(factor >>> 16, red)) & 255;
      pixels[i] = (pixel & 0xff00ff00) | (red << 16) | blue;
      if (++x === width) {
        x = 0;
        y++;
      }
    }
    return pixels;
  };
}

/** Adds green to red and blue again. */
export const undoSubtractGreen: Inverse = (pixels) => {
  for (let i = 0; i < pixels.length; i++) {
    const green = (pixels[i] >>> 8) & 255;
    pixels[i] = addPixels(pixels[i], (green << 16) | green);
  }
  return pixels;
};

/**
 * Replaces indices of palette entries by their colours. With a small palette, one pixel holds several indices.
 * @param bits a pixel holds `2 ** bits` indices
 */
export function undoPalette(width: number, height: number, palette: Uint32Array, bits: number): Inverse {
  const packedWidth = areasOf(width, bits);
  const numberBits = 8 >> bits;
  const mask = (1 << numberBits) - 1;
  const within = (1 << bits) - 1;
  return (packed) => {
    const pixels = new Uint32Array(width * height);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const numbers = (packed[y * packedWidth + (x >> bits)] >>> 8) & 255;
        pixels[i] = palette[(numbers >> ((x & within) * numberBits)) & mask] ?? 0;
      }
    }
    return pixels;
  };
}
