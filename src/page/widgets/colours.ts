/**
 * @file Colours of similarities and of tokens, on light and dark screens.
 */

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Calls `changed` when the screen turns dark or light; gives what ends that. */
export function onScheme(changed: () => void): () => void {
  dark.addEventListener('change', changed);
  return () => dark.removeEventListener('change', changed);
}

/** The colours of the values from −1 to 1 in 256 steps, four bytes each: blue, the background at 0, red. */
export function similarityPalette(): Uint8ClampedArray {
  const back = dark.matches ? [20, 24, 29] : [255, 255, 255];
  const low = dark.matches ? [110, 170, 255] : [10, 70, 190];
  const high = dark.matches ? [255, 140, 90] : [190, 40, 10];
  const palette = new Uint8ClampedArray(256 * 4);
  for (let step = 0; step < 256; step++) {
    const value = step / 127.5 - 1;
    const full = value < 0 ? low : high;
    const share = Math.sqrt(Math.abs(value));
    for (let i = 0; i < 3; i++) palette[4 * step + i] = back[i] + (full[i] - back[i]) * share;
    palette[4 * step + 3] = 255;
  }
  return palette;
}

/** The value of a variable of the style sheet. */
export const cssVariable = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
