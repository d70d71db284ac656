/**
 * @file Where the names of groups stand on the map.
 */
import type { Groups } from './groups.ts';

/** A name and its place on the plane. */
export interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

/** Each name at the median of its points, which outliers do not move. */
export function groupLabels({ names, of }: Groups, positions: Float32Array): Label[] {
  return names.flatMap((text, group) => {
    const xs: number[] = [];
    const ys: number[] = [];
    for (let i = 0; i < of.length; i++) {
      if (of[i] !== group) continue;
      xs.push(positions[2 * i]);
      ys.push(positions[2 * i + 1]);
    }
    if (xs.length === 0 || text === '') return [];
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];
    return [{ text, x: median(xs), y: median(ys) }];
  });
}
