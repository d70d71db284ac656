/**
 * @file Resampling of 8-bit pictures: Pillow's separable filters in fixed point, as in llama.cpp.
 */
import { sinCos } from '../tensor/exact-math.ts';
import type { RgbImage } from './pixels.ts';

/** A filter: its radius in output pixels, and its weight at a distance. */
interface Filter {
  readonly radius: number;
  weight(x: number): number;
}

const A = -0.5;
const filters = {
  bilinear: { radius: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    radius: 2,
    weight(x) {
      x = Math.abs(x);
      if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
    },
  },
  lanczos: { radius: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
} satisfies Record<string, Filter>;

function sinc(x: number): number {
  if (x === 0) return 1;
  x *= Math.PI;
  return sinCos(x).sin / x;
}

/** Names of the filters. */
export type ResampleFilter = keyof typeof filters;

/** Weights are multiples of 2^-22. */
const WEIGHT_BITS = 22;

/** For each output pixel of one axis: the first input pixel, the number of input pixels, and their weights. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** `perOutput` weights for each output pixel; those beyond its count are 0. */
  readonly weights: Int32Array;
  readonly perOutput: number;
}

/** The picture at another size; the sides are stretched independently of each other. */
export function resample(image: RgbImage, width: number, height: number, filter: ResampleFilter): RgbImage {
  const wide = width === image.width ? image : resampleRows(image, tapsOf(image.width, width, filters[filter]), width);
  return height === image.height ? wide : resampleColumns(wide, tapsOf(image.height, height, filters[filter]), height);
}

function tapsOf(nIn: number, nOut: number, { radius, weight }: Filter): Taps {
  const scale = nIn / nOut;
  const stretch = Math.max(scale, 1);
  const support = radius * stretch;
  const perOutput = 2 * Math.ceil(support) + 1;
  const starts = new Int32Array(nOut);
  const counts = new Int32Array(nOut);
  const weights = new Int32Array(nOut * perOutput);
  const exact = new Float64Array(perOutput);
  for (let i = 0; i < nOut; i++) {
    const center = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(nIn, Math.trunc(center + support + 0.5)) - low;
    let sum = 0;
    for (let k = 0; k < count; k++) sum += exact[k] = weight((low + k - center + 0.5) / stretch);
    for (let k = 0; k < count; k++) {
      const scaled = (sum === 0 ? exact[k] : exact[k] / sum) * 2 ** WEIGHT_BITS;
      weights[i * perOutput + k] = Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
    }
    starts[i] = low;
    counts[i] = count;
  }
  return { starts, counts, weights, perOutput };
}

const HALF = 1 << (WEIGHT_BITS - 1);

function clamp(sum: number): number {
  const value = sum >> WEIGHT_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function resampleRows({ width, height, rgb }: RgbImage, taps: Taps, outWidth: number): RgbImage {
  const { starts, counts, weights, perOutput } = taps;
  const out = new Uint8Array(outWidth * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < outWidth; x++, at += 3) {
      let r = HALF;
      let g = HALF;
      let b = HALF;
      let from = 3 * (y * width + starts[x]);
      for (let k = x * perOutput, end = k + counts[x]; k < end; k++, from += 3) {
        const w = weights[k];
        r += w * rgb[from];
        g += w * rgb[from + 1];
        b += w * rgb[from + 2];
      }
      out[at] = clamp(r);
      out[at + 1] = clamp(g);
      out[at + 2] = clamp(b);
    }
  }
  return { width: outWidth, height, rgb: out };
}

/** Row by row, so that memory is read in order. */
function resampleColumns({ width, rgb }: RgbImage, taps: Taps, outHeight: number): RgbImage {
  const { starts, counts, weights, perOutput } = taps;
  const n = width * 3;
  const out = new Uint8Array(n * outHeight);
  const sums = new Int32Array(n);
  for (let y = 0; y < outHeight; y++) {
    sums.fill(HALF);
    for (let k = 0; k < counts[y]; k++) {
      const w = weights[y * perOutput + k];
      const from = (starts[y] + k) * n;
      for (let i = 0; i < n; i++) sums[i] += w * rgb[from + i];
    }
    for (let i = 0; i < n; i++) out[y * n + i] = clamp(sums[i]);
  }
  return { width, height: outHeight, rgb: out };
}
