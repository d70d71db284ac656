/**
 * @file The part of a trace that a report shows of an image: its pixels, its patches and windows, and what the vision tower makes of them.
 */
import type { TracedImage, TraceStep } from '../../engine/index.ts';
import { base64 } from '../../layout/base64.ts';
import { type Picture, picture, rowNorms } from '../../layout/picture.ts';
import { isAttention } from '../../layout/trace-tables.ts';

/** Sides in pixels of the largest picture in the page; a larger image is shown with every n-th pixel. */
const MAX_SIDE = 512;
/** An image as the page shows it. */
export interface ImageData {
  /** Of the image that the tower sees, in pixels. */
  readonly width: number;
  readonly height: number;
  /** One pixel of the picture stands for a square of `step` pixels a side. */
  readonly step: number;
  /** The picture: R, G, B of each pixel, row by row, in base64. */
  readonly rgb: string;
  /** Its tokens, as a grid, and which of the input's tokens is the first of them. */
  readonly nx: number;
  readonly ny: number;
  readonly firstToken: number;
  readonly patches: { readonly nx: number; readonly ny: number };
  /** The patch of each row of the tensors, by its index in raster order. */
  readonly order: readonly number[];
  /** The window of each row. */
  readonly windows: readonly number[];
  /** The Euclidean norm of each patch's row, for each tensor of the tower. */
  readonly tensors: readonly { readonly name: string; readonly norms: readonly number[] }[];
  /** For each layer, the shares of attention among the rows, as the mean of all heads; empty where the backend does not show them. */
  readonly attention: readonly { readonly layer: string; readonly shares: Picture }[];
}

/** @param steps those of the vision tower for this image */
export function imageData(image: TracedImage, steps: readonly TraceStep[]): ImageData {
  const { width, height, nx, ny, firstToken, patches, order, windows } = image;
  const n = order.length;
  const step = Math.max(1, Math.ceil(Math.max(width, height) / MAX_SIDE));
  return {
    ...{ width, height, step, nx, ny, firstToken, patches },
    rgb: base64(everyNth(image, step)),
    order: Array.from(order),
    windows: Array.from(order, (_, row) => windows.findIndex((end) => end > row) - 1),
    tensors: steps
      .filter(({ name, rows }) => rows === n && !isAttention(name))
      .map((tensor) => ({ name: tensor.name, norms: rowNorms(tensor) })),
    attention: sharesByLayer(steps, n),
  };
}

/**
 * The shares of attention of each layer among all `n` rows. A backend shows them window by window: `[nHead · rows, rows]` of each.
 */
function sharesByLayer(steps: readonly TraceStep[], n: number): ImageData['attention'] {
  const layers = new Map<string, TraceStep[]>();
  for (const step of steps) {
    const { name, rows, cols } = step;
    if (name.startsWith('kq_soft_max') && rows % cols === 0) layers.set(name, [...(layers.get(name) ?? []), step]);
  }
  return Array.from(layers, ([name, windows]) => {
    const shares = new Float32Array(n * n);
    let begin = 0;
    for (const { values, rows, cols } of windows) {
      // The mean of all heads.
      for (let i = 0; i < values.length; i++) {
        const [row, column] = [Math.floor(i / cols) % cols, i % cols];
        shares[(begin + row) * n + begin + column] += (values[i] * cols) / rows;
      }
      begin += cols;
    }
    return { layer: name.replace(/^kq_soft_max-?/, ''), shares: picture(name, shares, n, n) };
  });
}

/** Every n-th pixel of every n-th row. */
function everyNth({ width, height, rgb }: TracedImage, n: number): Uint8Array {
  const [columns, rows] = [Math.ceil(width / n), Math.ceil(height / n)];
  const picked = new Uint8Array(3 * columns * rows);
  for (let y = 0, to = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, to += 3) {
      const from = 3 * (y * n * width + x * n);
      picked.set(rgb.subarray(from, from + 3), to);
    }
  }
  return picked;
}
