/**
 * @file Packs pixels into a batch: the patches of images as given rows, in the tower's order.
 *
 * A token of the text model is a square of `merge` × `merge` patches. These are adjacent rows and form a sequence of the batch, which
 * pooling combines. Attention uses spans instead: whole images, or windows of them.
 */
import type { Batch, MixtureTerm } from '../../tensor/batch.ts';
import type { VisionParameters } from './parameters.ts';
import type { Pixels, TokenGrid, Tower } from './tower.ts';

/** The grid of tokens for an image of this size. @throws RangeError for sides that are not multiples of a token's side */
export function gridOf({ width, height }: Pick<Pixels, 'width' | 'height'>, unit: number): TokenGrid {
  const [nx, ny] = [width / unit, height / unit];
  if (!(Number.isInteger(nx) && Number.isInteger(ny) && nx > 0 && ny > 0)) {
    throw new RangeError(`an image of ${width}x${height} pixels cannot be divided into squares of ${unit}`);
  }
  return { nx, ny };
}

/**
 * The windows of a grid from the top left; windows at the right and at the bottom may be smaller. For each window its tokens, by their
 * index in raster order.
 */
function windowsOf({ nx, ny }: TokenGrid, side = Math.max(nx, ny)): number[][] {
  const windows: number[][] = [];
  for (let top = 0; top < ny; top += side) {
    for (let left = 0; left < nx; left += side) {
      const window: number[] = [];
      for (let y = top; y < Math.min(ny, top + side); y++) {
        for (let x = left; x < Math.min(nx, left + side); x++) window.push(y * nx + x);
      }
      windows.push(window);
    }
  }
  return windows;
}

/** How the rows of patches are ordered while an image is in the tower. */
export interface PatchLayout {
  /** The patches, as a grid. */
  readonly patches: TokenGrid;
  /** The patch of each row, by its index in raster order. */
  readonly order: Int32Array;
  /** The row where each window begins; the last entry is the number of rows. */
  readonly windows: Int32Array;
}

/** The layout of an image that has the size required by the tower. */
export function layoutOf(image: Pick<Pixels, 'width' | 'height'>, tower: Tower): PatchLayout {
  const { patchSize } = tower.parameters;
  const { positions, spans } = placePatches([image], tower);
  return { patches: gridOf(image, patchSize), order: positions, windows: spans.window };
}

/** The position of a patch in an image, in patches from the top left. */
interface PatchPlace {
  readonly x: number;
  readonly y: number;
}

/** Packs the patches of images that have the size required by the tower. */
export function packPatches(images: readonly Pixels[], tower: Tower): Batch {
  const { parameters, interpolates } = tower;
  const { patchSize } = parameters;
  const width = 3 * patchSize * patchSize;
  const nTokens = countPatches(images, tower);
  const values = new Float32Array(nTokens * width);
  const terms = interpolates && Array.from({ length: 4 }, () => emptyTerm(nTokens));
  const normalised = normalisation(parameters);
  const places = placePatches(images, tower, (t, patch, image, patches) => {
    copyPatch(image, patch, patchSize, normalised, values.subarray(t * width, (t + 1) * width));
    if (terms) interpolate(terms, t, patch, patches, interpolates.side);
  });
  return { ...places, given: { values, width, at: places.positions.map((_, t) => t) }, mixture: terms };
}

/** Packs hidden states of patches that were read after some layer: `[T, nEmbd]`. */
export function packHidden(
  { images, hidden }: { images: readonly Pick<Pixels, 'width' | 'height'>[]; hidden: Float32Array },
  tower: Tower,
): Batch {
  const places = placePatches(images, tower);
  const width = tower.parameters.nEmbd;
  return { ...places, given: { values: hidden, width, at: places.positions.map((_, t) => t) } };
}

/** The number of patches of images. */
export function countPatches(
  images: readonly Pick<Pixels, 'width' | 'height'>[],
  { parameters: { patchSize } }: Pick<Tower, 'parameters'>,
): number {
  return images.reduce((sum, { width, height }) => sum + width * height, 0) / patchSize ** 2;
}

/**
 * Everything in the batch of images but values.
 * @param visit called with each patch in order: its token of the batch, its place, its image and the grid of the image's patches
 */
function placePatches<Image extends Pick<Pixels, 'width' | 'height'>>(
  images: readonly Image[],
  tower: Tower,
  visit: (t: number, patch: PatchPlace, image: Image, patches: TokenGrid) => void = () => {},
) {
  const { merge, window } = tower.order;
  const nTokens = countPatches(images, tower);
  const positions = new Int32Array(nTokens);
  const coordinates = new Int32Array(4 * nTokens);
  const spans = { image: [0], window: [0] };
  let t = 0;
  for (const image of images) {
    const grid = gridOf(image, tower.parameters.patchSize * merge);
    const patches = { nx: grid.nx * merge, ny: grid.ny * merge };
    for (const tokens of windowsOf(grid, window)) {
      for (const token of tokens) {
        for (const patch of patchesOf(token, grid, merge)) {
          positions[t] = patch.y * patches.nx + patch.x;
          coordinates.set([patch.y, patch.x], 4 * t);
          visit(t++, patch, image, patches);
        }
      }
      spans.window.push(t);
    }
    spans.image.push(t);
  }
  return {
    ids: new Int32Array(nTokens),
    positions,
    offsets: Int32Array.from({ length: nTokens / merge ** 2 + 1 }, (_, i) => i * merge ** 2),
    coordinates,
    spans: { image: Int32Array.from(spans.image), window: Int32Array.from(spans.window) },
  };
}

/** Selects the rows of each image from those of the batch, in raster order, `[n, width]`. */
export function rowsByImage(
  rows: Float32Array,
  images: readonly Pick<Pixels, 'width' | 'height'>[],
  { order, parameters, width }: Tower,
): Float32Array[] {
  let next = 0;
  return images.map((image) => {
    const grid = gridOf(image, parameters.patchSize * order.merge);
    const own = new Float32Array(grid.nx * grid.ny * width);
    for (const token of windowsOf(grid, order.window).flat()) {
      own.set(rows.subarray(next, next + width), token * width);
      next += width;
    }
    return own;
  });
}

/** The patches of a token, row by row. */
function* patchesOf(token: number, { nx }: TokenGrid, merge: number): Generator<PatchPlace> {
  const [left, top] = [(token % nx) * merge, Math.floor(token / nx) * merge];
  for (let y = top; y < top + merge; y++) for (let x = left; x < left + merge; x++) yield { x, y };
}

/** The float value of each byte, for each channel. */
function normalisation({ mean, std }: VisionParameters): Float32Array[] {
  const f32 = Math.fround;
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, u8) => f32(f32(u8 / 255) - f32(m)) / f32(std[c])));
}

/** Writes the values of one patch, channel by channel. */
function copyPatch(
  { rgb, width }: Pixels,
  { x, y }: PatchPlace,
  patchSize: number,
  normalised: readonly Float32Array[],
  to: Float32Array,
): void {
  let next = 0;
  for (let c = 0; c < 3; c++) {
    const values = normalised[c];
    for (let row = 0; row < patchSize; row++) {
      let from = 3 * ((y * patchSize + row) * width + x * patchSize) + c;
      for (let i = 0; i < patchSize; i++) {
        to[next++] = values[rgb[from]];
        from += 3;
      }
    }
  }
}

interface WritableTerm extends MixtureTerm {
  readonly rows: Int32Array;
  readonly weights: Float32Array;
}

function emptyTerm(n: number): WritableTerm {
  return { rows: new Int32Array(n), weights: new Float32Array(n) };
}

/** Finds the four entries around patch `t` in a table of `side` × `side` positions, and their weights. */
function interpolate(
  terms: readonly WritableTerm[],
  t: number,
  patch: PatchPlace,
  { nx, ny }: TokenGrid,
  side: number,
): void {
  const [x, y] = [between(patch.x, nx, side), between(patch.y, ny, side)];
  terms.forEach(({ rows, weights }, corner) => {
    const [right, below] = [corner & 1, corner >> 1];
    rows[t] = (below ? y.next : y.first) * side + (right ? x.next : x.first);
    weights[t] = (right ? x.share : 1 - x.share) * (below ? y.share : 1 - y.share);
  });
}

/** The position of `i` of `n` among `side` entries; the ends coincide. */
function between(i: number, n: number, side: number): { first: number; next: number; share: number } {
  const f32 = Math.fround;
  const scale = n > 1 && side > 1 ? f32((n - 1) / (side - 1)) : f32(n / side);
  const place = f32(i / scale);
  const within = (at: number) => Math.max(0, Math.min(side - 1, at));
  const first = Math.floor(place);
  return { first: within(first), next: within(first + 1), share: Math.max(0, Math.min(1, f32(place - within(first)))) };
}
