/**
 * @file A pass of images through a tower, a few layers at a time. Between two of its parts, the pass is plain data: the backend is free for
 * other work, and the next part may run on other threads. The rows are the same bits however the layers are divided.
 */
import type { Ops, Tensor } from '../../tensor/ops.ts';
import { packHidden, packPatches, rowsByImage } from './patches.ts';
import type { Pixels, Tower } from './tower.ts';

/** Images on their way through a tower. */
export interface TowerPass {
  readonly images: readonly Pick<Pixels, 'width' | 'height'>[];
  /** The next layer. */
  readonly layer: number;
  /** `[T, nEmbd]` hidden states before that layer. */
  readonly hidden: Float32Array;
  /** `[n, nEmbdText]` each: what layers so far have made for the first layers of the text model. */
  readonly deepstack: readonly Float32Array[];
}

/** Where a pass is: at its start, before some layer, or at its end, with the rows of each image. */
export type TowerInput = readonly Pixels[] | TowerPass;
export type TowerResult = TowerPass | readonly Float32Array[];

/** Whether a pass has layers left. */
export function isUnfinished(result: TowerResult): result is TowerPass {
  return 'layer' in result;
}

/**
 * Runs the next `nLayers` layers, or those that are left.
 * @returns no rows on ranks above 0 of a team
 */
export async function advance(tower: Tower, ops: Ops, from: TowerInput, nLayers: number): Promise<TowerResult> {
  const { nLayer, nEmbd, nEmbdText } = tower.parameters;
  const pass = 'layer' in from ? from : undefined;
  const images = 'layer' in from ? from.images : from;
  ops.begin('layer' in from ? packHidden(from, tower) : packPatches(from, tower));
  let x = pass === undefined ? tower.embed(ops) : ops.given(0, nEmbd); // [T, nEmbd]
  const first = pass?.layer ?? 0;
  const end = Math.min(first + nLayers, nLayer);
  const parts: Tensor[] = [];
  for (let il = first; il < end; il++) {
    x = tower.layer(ops, x, il);
    const part = tower.deepstack?.(ops, x, il);
    if (part !== undefined) parts.push(part);
  }
  const isLast = end === nLayer;
  // One row a token, beside which the parts fit.
  const main = isLast ? tower.project(ops, x) : ops.pool(x, 'concat');
  const values = await ops.read(parts.length === 0 ? main : ops.concat([main, ...parts]));
  if (values.length === 0) return [];
  const widths = [main.cols, ...parts.map(() => nEmbdText)];
  const [own, ...added] = parts.length === 0 ? [values] : splitColumns(values, widths);
  const deepstack = [...(pass?.deepstack ?? []), ...added];
  if (!isLast) return { images: images.map(sizeOf), layer: end, hidden: own, deepstack };
  return rowsByImage(
    deepstack.length === added.length ? values : joinColumns([own, ...deepstack], nEmbdText),
    images,
    tower,
  );
}

const sizeOf = ({ width, height }: Pick<Pixels, 'width' | 'height'>) => ({ width, height });

/** Cuts the rows of a matrix: `[n, Σ widths]` → `[n, widths[i]]` each. */
function splitColumns(values: Float32Array, widths: readonly number[]): Float32Array[] {
  const width = widths.reduce((sum, w) => sum + w, 0);
  const nRows = values.length / width;
  let left = 0;
  return widths.map((w) => {
    const part = new Float32Array(nRows * w);
    for (let r = 0; r < nRows; r++) part.set(values.subarray(r * width + left, r * width + left + w), r * w);
    left += w;
    return part;
  });
}

/** Puts the rows of matrices of one shape side by side. */
function joinColumns(parts: readonly Float32Array[], width: number): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  const nRows = parts[0].length / width;
  for (let r = 0, at = 0; r < nRows; r++) {
    for (const part of parts) {
      joined.set(part.subarray(r * width, (r + 1) * width), at);
      at += width;
    }
  }
  return joined;
}
