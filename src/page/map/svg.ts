/**
 * @file The map as SVG, made in a worker: one with a hundred thousand points takes a second.
 */
import type { Label } from './labels.ts';
import { type Size, toScreen, type Viewport } from './viewport.ts';

/** What the picture shows. */
export interface MapPicture {
  readonly positions: Float32Array;
  /** Four bytes for each point. */
  readonly colours: Uint8Array;
  readonly labels: readonly Label[];
  readonly view: Viewport;
  readonly size: Size;
  readonly radius: number;
  /** Colour of the background. */
  readonly back: string;
  /** Colour of the labels. */
  readonly ink: string;
}

/** A file of the points that are in the picture. */
export function mapSvg({ positions, colours, labels, view, size, radius, back, ink }: MapPicture): Blob {
  const { width, height } = size;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="${escaped(back)}"/>`,
  ];
  const round = (value: number) => Number(value.toFixed(2));
  for (let i = 0; 2 * i < positions.length; i++) {
    const [cx, cy] = toScreen(view, size, positions[2 * i], positions[2 * i + 1]);
    if (cx < -radius || cy < -radius || cx > width + radius || cy > height + radius) continue;
    const [red, green, blue, alpha] = colours.subarray(4 * i, 4 * i + 4);
    const fill = `fill="rgb(${red},${green},${blue})" fill-opacity="${round(alpha / 255)}"`;
    lines.push(`<circle cx="${round(cx)}" cy="${round(cy)}" r="${radius}" ${fill}/>`);
  }
  const font = 'font-family="system-ui, sans-serif" font-size="13" font-weight="600" text-anchor="middle"';
  for (const { text, x, y } of labels) {
    const [left, top] = toScreen(view, size, x, y);
    lines.push(`<text x="${round(left)}" y="${round(top)}" fill="${escaped(ink)}" ${font}>${escaped(text)}</text>`);
  }
  return new Blob([...lines.map((line) => `${line}\n`), '</svg>\n'], { type: 'image/svg+xml' });
}

const references: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for XML: no markup, and without the characters that XML cannot hold. */
function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML refuses them
  return text.replaceAll(/[\0-\x08\v\f\x0e-\x1f\ufffe\uffff]/g, '\ufffd').replaceAll(/[&<>"]/g, (c) => references[c]);
}
