/**
 * @file Smooths the edges between the blocks of a VP8 frame.
 */
import { clamp } from './coefficients.ts';
import { indexOf, type SamplePlane } from './predict.ts';
import type { EdgeFilter, Vp8Header } from './vp8-header.ts';

const clampSigned = (value: number) => (value < -128 ? -128 : value > 127 ? 127 : value);
const clampStep = (value: number) => (value < -16 ? -16 : value > 15 ? 15 : value);

/** A filter for the samples on both sides of an edge: `at` is the first behind it, `step` leads across it. */
type Smooth = (s: Uint8Array, at: number, step: number, limit: number, filter: EdgeFilter) => void;

function isWithin(s: Uint8Array, at: number, step: number, limit: number): boolean {
  const across = 4 * Math.abs(s[at - step] - s[at]) + Math.abs(s[at - 2 * step] - s[at + step]);
  return across <= 2 * limit + 1;
}

const smoothSimple: Smooth = (s, at, step, limit) => {
  if (isWithin(s, at, step, limit)) smooth2(s, at, step);
};

function isFlat(s: Uint8Array, at: number, step: number, limit: number, inner: number): boolean {
  if (!isWithin(s, at, step, limit)) return false;
  for (let i = at - 4 * step; i < at + 3 * step; i += step) {
    if (i !== at - step && Math.abs(s[i] - s[i + step]) > inner) return false;
  }
  return true;
}

function varies(s: Uint8Array, at: number, step: number, variance: number): boolean {
  return Math.abs(s[at - 2 * step] - s[at - step]) > variance || Math.abs(s[at + step] - s[at]) > variance;
}

const smoothOuter: Smooth = (s, at, step, limit, { inner, variance }) => {
  if (!isFlat(s, at, step, limit, inner)) return;
  if (varies(s, at, step, variance)) smooth2(s, at, step);
  else smooth6(s, at, step);
};

const smoothInner: Smooth = (s, at, step, limit, { inner, variance }) => {
  if (!isFlat(s, at, step, limit, inner)) return;
  if (varies(s, at, step, variance)) smooth2(s, at, step);
  else smooth4(s, at, step);
};

function smooth2(s: Uint8Array, at: number, step: number): void {
  const p1 = s[at - 2 * step];
  const p0 = s[at - step];
  const q0 = s[at];
  const q1 = s[at + step];
  const a = 3 * (q0 - p0) + clampSigned(p1 - q1);
  s[at - step] = clamp(p0 + clampStep((a + 3) >> 3));
  s[at] = clamp(q0 - clampStep((a + 4) >> 3));
}

function smooth4(s: Uint8Array, at: number, step: number): void {
  const p1 = s[at - 2 * step];
  const p0 = s[at - step];
  const q0 = s[at];
  const q1 = s[at + step];
  const a = 3 * (q0 - p0);
  const a1 = clampStep((a + 4) >> 3);
  const a3 = (a1 + 1) >> 1;
  s[at - 2 * step] = clamp(p1 + a3);
  s[at - step] = clamp(p0 + clampStep((a + 3) >> 3));
  s[at] = clamp(q0 - a1);
  s[at + step] = clamp(q1 - a3);
}

function smooth6(s: Uint8Array, at: number, step: number): void {
  const a = clampSigned(3 * (s[at] - s[at - step]) + clampSigned(s[at - 2 * step] - s[at + step]));
  for (let i = 0, factor = 27; i < 3; i++, factor -= 9) {
    const change = (factor * a + 63) >> 7;
    s[at - (i + 1) * step] = clamp(s[at - (i + 1) * step] + change);
    s[at + i * step] = clamp(s[at + i * step] - change);
  }
}

/** What the filter needs to know about a macroblock. */
export interface MacroblockEdges {
  readonly filter: EdgeFilter;
  /** Whether the edges between the macroblock's own blocks are also smoothed. */
  readonly hasInner: boolean;
}

/** @param planes luma and the two chroma planes */
export function smoothEdges(
  { columns, rows, simpleFilter }: Vp8Header,
  planes: readonly SamplePlane[],
  edgesOf: (column: number, row: number) => MacroblockEdges,
): void {
  const [outer, inner] = simpleFilter ? [smoothSimple, smoothSimple] : [smoothOuter, smoothInner];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const { filter, hasInner } = edgesOf(column, row);
      if (filter.limit === 0) continue;
      for (const [i, plane] of (simpleFilter ? planes.slice(0, 1) : planes).entries()) {
        const size = i === 0 ? 16 : 8;
        const { samples, stride } = plane;
        const at = indexOf(plane, column * size, row * size);
        const along = (smooth: Smooth, start: number, across: number, step: number, limit: number) => {
          for (let k = 0, p = start; k < size; k++, p += step) smooth(samples, p, across, limit, filter);
        };
        if (column > 0) along(outer, at, 1, stride, filter.limit + 4);
        if (hasInner) for (let x = 4; x < size; x += 4) along(inner, at + x, 1, stride, filter.limit);
        if (row > 0) along(outer, at, stride, 1, filter.limit + 4);
        if (hasInner) for (let y = 4; y < size; y += 4) along(inner, at + y * stride, stride, 1, filter.limit);
      }
    }
  }
}
