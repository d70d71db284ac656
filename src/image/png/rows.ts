/**
 * @file Unpacks the pixels of a PNG file row by row, pass by pass, without holding the unpacked file.
 */
import { damaged } from '../errors.ts';
import type { PngFile, PngHeader } from './header.ts';

/** Number of packed bytes that are unpacked at a time. At deflate's largest ratio they expand to 8 MB. */
const STEP_BYTES = 8 * 1024;

/** Part of the picture that is stored together: all of it, or one pass of Adam7. */
export interface Pass {
  readonly width: number;
  readonly height: number;
  /** First column and row in the picture, and the distance to the next. */
  readonly x0: number;
  readonly y0: number;
  readonly dx: number;
  readonly dy: number;
}

const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

function passesOf({ width, height, interlaced }: PngHeader): Pass[] {
  if (!interlaced) return [{ width, height, x0: 0, y0: 0, dx: 1, dy: 1 }];
  const passes = adam7.map(([x0, y0, dx, dy]) => ({
    width: Math.max(0, Math.ceil((width - x0) / dx)),
    height: Math.max(0, Math.ceil((height - y0) / dy)),
    x0,
    y0,
    dx,
    dy,
  }));
  return passes.filter((pass) => pass.width > 0 && pass.height > 0);
}

/**
 * Calls `onRow` with the samples of each row as they are stored. The array is reused two rows later.
 * @throws ImageError when the packed data is damaged or holds fewer rows than the header says
 */
export async function readRows(file: PngFile, onRow: (row: Uint8Array, y: number, pass: Pass) => void): Promise<void> {
  const { Unzlib } = await import('fflate');
  const rows = new RowBuilder(file, onRow);
  const unzlib = new Unzlib((chunk) => rows.append(chunk));
  try {
    for (const part of file.packed) {
      for (let at = 0; at < part.length && !rows.complete; at += STEP_BYTES) {
        unzlib.push(part.subarray(at, at + STEP_BYTES));
      }
    }
  } catch (cause) {
    if (!rows.complete) throw rows.failure ?? damaged(`the packed pixels are damaged: ${(cause as Error).message}`);
  }
  if (rows.failure !== undefined) throw rows.failure;
  if (!rows.complete) throw damaged('the packed pixels end before the picture is complete');
}

/** Assembles unpacked bytes into rows and undoes their filters. */
class RowBuilder {
  complete = false;
  failure: Error | undefined;
  readonly #passes: Pass[];
  readonly #bitsPerPixel: number;
  readonly #onRow: (row: Uint8Array, y: number, pass: Pass) => void;
  #pass = 0;
  #y = 0;
  #filter = -1;
  #filled = 0;
  #row: Uint8Array;
  #above: Uint8Array;

  constructor(header: PngHeader, onRow: (row: Uint8Array, y: number, pass: Pass) => void) {
    this.#passes = passesOf(header);
    this.#bitsPerPixel = header.depth * header.samples;
    this.#onRow = onRow;
    this.#row = this.#newRow();
    this.#above = this.#newRow();
  }

  #newRow(): Uint8Array {
    return new Uint8Array(Math.ceil((this.#passes[this.#pass].width * this.#bitsPerPixel) / 8));
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.complete && this.failure === undefined; ) {
      if (this.#filter < 0) this.#filter = bytes[at++];
      const n = Math.min(bytes.length - at, this.#row.length - this.#filled);
      this.#row.set(bytes.subarray(at, at + n), this.#filled);
      this.#filled += n;
      at += n;
      if (this.#filled === this.#row.length) this.#endRow();
    }
  }

  #endRow(): void {
    if (this.#filter > 4) {
      this.failure = damaged(`PNG does not define filter ${this.#filter}`);
      return;
    }
    undoFilter(this.#filter, this.#row, this.#above, Math.ceil(this.#bitsPerPixel / 8));
    const pass = this.#passes[this.#pass];
    this.#onRow(this.#row, this.#y, pass);
    this.#filter = -1;
    this.#filled = 0;
    [this.#row, this.#above] = [this.#above, this.#row];
    if (++this.#y < pass.height) return;
    this.#y = 0;
    if (++this.#pass === this.#passes.length) {
      this.complete = true;
      return;
    }
    this.#row = this.#newRow();
    this.#above = this.#newRow();
  }
}

/** @param step bytes from a sample to the same sample of the pixel before */
function undoFilter(filter: number, row: Uint8Array, above: Uint8Array, step: number): void {
  const n = row.length;
  if (filter === 1) for (let i = step; i < n; i++) row[i] += row[i - step];
  else if (filter === 2) for (let i = 0; i < n; i++) row[i] += above[i];
  else if (filter === 3) {
    for (let i = 0; i < n; i++) row[i] += ((i < step ? 0 : row[i - step]) + above[i]) >> 1;
  } else if (filter === 4) {
    for (let i = 0; i < n; i++) row[i] += i < step ? above[i] : paeth(row[i - step], above[i], above[i - step]);
  }
}

function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
