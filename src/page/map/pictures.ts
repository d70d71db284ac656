/**
 * @file The map as PNG.
 */
import { cssVariable } from '../widgets/colours.ts';

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
