/**
 * @file Converts the planes of a VP8 frame to R, G, B: chroma is enlarged to full size, then converted, in libwebp's arithmetic.
 */
import type { ImageHeader } from '../pixels.ts';
import { indexOf, type SamplePlane } from './predict.ts';

/** @param planes luma at full size, and two chroma planes at half of it */
export function toRgb({ width, height }: ImageHeader, planes: readonly SamplePlane[]): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  const [luma, u, v] = planes;
  const stored = (width + 1) >> 1;
  const lastRow = ((height + 1) >> 1) - 1;
  const us = new Uint8Array(width + 1);
  const vs = new Uint8Array(width + 1);
  for (let y = 0, to = 0; y < height; y++) {
    const near = y >> 1;
    const far = Math.min(lastRow, Math.max(0, y % 2 === 0 ? near - 1 : near + 1));
    for (const [plane, out] of [[u, us] as const, [v, vs] as const]) {
      upsample(plane.samples, indexOf(plane, 0, near), indexOf(plane, 0, far), stored, width, out);
    }
    const from = indexOf(luma, 0, y);
    for (let x = 0; x < width; x++, to += 3) {
      const light = (luma.samples[from + x] * 19077) >> 8;
      rgb[to] = clip(light + ((vs[x] * 26149) >> 8) - 14234);
      rgb[to + 1] = clip(light - ((us[x] * 6419) >> 8) - ((vs[x] * 13320) >> 8) + 8708);
      rgb[to + 2] = clip(light + ((us[x] * 33050) >> 8) - 17685);
    }
  }
  return rgb;
}

/** One row: the nearer stored row weighs 3 times as much as the other, and so does the nearer sample in each row. */
function upsample(s: Uint8Array, near: number, far: number, n: number, width: number, out: Uint8Array): void {
  let [nearLeft, farLeft] = [s[near], s[far]];
  out[0] = (3 * nearLeft + farLeft + 2) >> 2;
  for (let x = 1; x < n; x++) {
    const nearHere = s[near + x];
    const farHere = s[far + x];
    const sum = nearLeft + nearHere + farLeft + farHere + 8;
    out[2 * x - 1] = (((sum + 2 * (nearHere + farLeft)) >> 3) + nearLeft) >> 1;
    out[2 * x] = (((sum + 2 * (nearLeft + farHere)) >> 3) + nearHere) >> 1;
    nearLeft = nearHere;
    farLeft = farHere;
  }
  if (width % 2 === 0) out[width - 1] = (3 * nearLeft + farLeft + 2) >> 2;
}

function clip(value: number): number {
  value >>= 6;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
