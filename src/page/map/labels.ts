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
    const members: number[] = [];
    for (let i = 0; i < of.length; i++) if (of[i] === group) members.push(i);
    if (members.length === 0 || text === '') return [];
    // Typed arrays sort several times faster.
    const median = (axis: number) =>
      Float32Array.from(members, (i) => positions[2 * i + axis]).sort()[members.length >> 1];
    return [{ text, x: median(0), y: median(1) }];
  });
}
