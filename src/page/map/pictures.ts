/**
 * @file The map as a picture: SVG and PNG.
 */
import { cssVariable } from '../widgets/colours.ts';
import type { Label } from './labels.ts';
import { type Size, toScreen, type Viewport } from './viewport.ts';

/** What the picture shows. */
export interface MapPicture {
  readonly positions: Float32Array;
  readonly colours: Uint8Array;
  readonly labels: readonly Label[];
  readonly view: Viewport;
  readonly size: Size;
  readonly radius: number;
}

const SVG = 'http://www.w3.org/2000/svg';

/** The map as SVG. Texts are nodes of text, so that none of them becomes markup. */
export function mapSvg({ positions, colours, labels, view, size, radius }: MapPicture): Blob {
  const document = new DOMParser().parseFromString(`<svg xmlns="${SVG}"/>`, 'image/svg+xml');
  const root = document.documentElement;
  const add = (name: string, attributes: Record<string, string | number>, text = '') => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
    node.textContent = text;
    root.append(node);
  };
  root.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
  add('rect', { width: size.width, height: size.height, fill: cssVariable('--back') });
  for (let i = 0; 2 * i < positions.length; i++) {
    const [cx, cy] = toScreen(view, size, positions[2 * i], positions[2 * i + 1]);
    if (cx < -radius || cy < -radius || cx > size.width + radius || cy > size.height + radius) continue;
    const [red, green, blue, alpha] = colours.subarray(4 * i, 4 * i + 4);
    const round = (value: number) => Number(value.toFixed(2));
    const fill = `rgb(${red},${green},${blue})`;
    add('circle', { cx: round(cx), cy: round(cy), r: radius, fill, 'fill-opacity': round(alpha / 255) });
  }
  for (const { text, x, y } of labels) {
    const [left, top] = toScreen(view, size, x, y);
    const font = {
      'font-family': 'system-ui, sans-serif',
      'font-size': 13,
      'font-weight': 600,
      'text-anchor': 'middle',
    };
    add('text', { x: left, y: top, fill: cssVariable('--text'), ...font }, text);
  }
  return new Blob([new XMLSerializer().serializeToString(document)], { type: 'image/svg+xml' });
}

/** What the canvases of the map show, on the background of the page. */
export function mapPng(canvases: Iterable<HTMLCanvasElement>): Promise<Blob> {
  const [first, ...others] = canvases;
  const picture = document.createElement('canvas');
  picture.width = first.width;
  picture.height = first.height;
  const context = picture.getContext('2d')!;
  context.fillStyle = cssVariable('--back');
  context.fillRect(0, 0, picture.width, picture.height);
  for (const canvas of [first, ...others]) context.drawImage(canvas, 0, 0);
  return new Promise((resolve) => picture.toBlob((blob) => resolve(blob!), 'image/png'));
}
