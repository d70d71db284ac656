/**
 * @file What part of the plane the map shows.
 */

/** The point of the plane in the middle, and the pixels for a unit. */
export interface Viewport {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** A size in pixels of the style sheet. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The viewport that shows all points. */
export function fitAll(positions: Float32Array, { width, height }: Size): Viewport {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < positions.length; i += 2) {
    left = Math.min(left, positions[i]);
    right = Math.max(right, positions[i]);
    low = Math.min(low, positions[i + 1]);
    high = Math.max(high, positions[i + 1]);
  }
  const scale = 0.88 * Math.min(width / (right - left || 1), height / (high - low || 1));
  return { x: (left + right) / 2, y: (low + high) / 2, scale };
}

/** Where a point of the plane is on the screen. */
export function toScreen({ x, y, scale }: Viewport, { width, height }: Size, px: number, py: number): [number, number] {
  return [width / 2 + (px - x) * scale, height / 2 - (py - y) * scale];
}

/** Which point of the plane is at a place of the screen. */
export function toPlane({ x, y, scale }: Viewport, { width, height }: Size, sx: number, sy: number): [number, number] {
  return [x + (sx - width / 2) / scale, y - (sy - height / 2) / scale];
}

/** Zooms so that the point at a place of the screen stays there. */
export function zoomAt(view: Viewport, size: Size, factor: number, sx: number, sy: number): Viewport {
  const [px, py] = toPlane(view, size, sx, sy);
  return { x: px + (view.x - px) / factor, y: py + (view.y - py) / factor, scale: view.scale * factor };
}

/** The point that is nearest to a place of the screen, at most `reach` pixels off; −1 if there is none. */
export function pointAt(
  positions: Float32Array,
  view: Viewport,
  size: Size,
  sx: number,
  sy: number,
  reach: number,
): number {
  const [px, py] = toPlane(view, size, sx, sy);
  let best = -1;
  let least = (reach / view.scale) ** 2;
  for (let i = 0; 2 * i < positions.length; i++) {
    const far = (positions[2 * i] - px) ** 2 + (positions[2 * i + 1] - py) ** 2;
    if (far <= least) [best, least] = [i, far];
  }
  return best;
}

/** The nearest point in a direction, at most 45 degrees off; −1 if there is none. */
export function pointTowards(positions: Float32Array, from: number, dx: number, dy: number): number {
  let best = -1;
  let least = Infinity;
  for (let i = 0; 2 * i < positions.length; i++) {
    const [x, y] = [positions[2 * i] - positions[2 * from], positions[2 * i + 1] - positions[2 * from + 1]];
    const ahead = x * dx + y * dy;
    const aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (i !== from && ahead > 0 && aside <= ahead && ahead + aside < least) [best, least] = [i, ahead + aside];
  }
  return best;
}

/** The points inside of a closed line on the plane, x and y in turn (even-odd rule). */
export function pointsInside(positions: Float32Array, line: readonly number[]): number[] {
  const inside: number[] = [];
  for (let i = 0; 2 * i < positions.length; i++) {
    const [x, y] = [positions[2 * i], positions[2 * i + 1]];
    let isInside = false;
    for (let a = 0, b = line.length - 2; a < line.length; b = a, a += 2) {
      const crosses = line[a + 1] > y !== line[b + 1] > y;
      if (crosses && x < ((line[b] - line[a]) * (y - line[a + 1])) / (line[b + 1] - line[a + 1]) + line[a])
        isInside = !isInside;
    }
    if (isInside) inside.push(i);
  }
  return inside;
}
