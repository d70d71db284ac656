/**
 * @file Puts transparent pixels on a background colour.
 */

/**
 * Changes `rgb` to the picture as it looks on `background`.
 * @param alpha a byte for each pixel, 255 is opaque
 */
export function compose(rgb: Uint8Array, alpha: Uint8Array, background: readonly [number, number, number]): void {
  for (let i = 0; i < alpha.length; i++) {
    const a = alpha[i];
    if (a === 255) continue;
    for (let c = 0; c < 3; c++) {
      rgb[3 * i + c] = Math.round((rgb[3 * i + c] * a + background[c] * (255 - a)) / 255);
    }
  }
}
