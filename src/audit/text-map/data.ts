/**
 * @file What the page of `embed --html` shows of texts: their vectors in 16 bits, where they lie in the plane, and their order by clusters.
 */

import { base64 } from '../../layout/base64.ts';
import { clusterOrder } from '../../layout/cluster-order.ts';
import { principalAxes } from '../../layout/principal-axes.ts';
import { unit } from '../../layout/vectors.ts';

/** All that the page shows. */
export interface TextMapData {
  readonly model: string;
  readonly texts: readonly string[];
  /** Values of a vector. */
  readonly dimensions: number;
  /** Unit vectors as little-endian int16 in base64, row-major; each value times the scale of its row. */
  readonly vectors: string;
  readonly scales: readonly number[];
  /** Positions along the first two principal axes, x and y in turn. */
  readonly positions: readonly number[];
  /** The part of the variance that each axis has. */
  readonly variance: readonly number[];
  /** The texts by clusters; empty for more than `MAX_CLUSTERED`. */
  readonly order: readonly number[];
}

/** Most texts that are sorted by clusters, which takes 4 bytes for each pair: 128 MiB. */
export const MAX_CLUSTERED = 8192;

/**
 * @param vectors one for each text, not necessarily of length 1; similarities are cosines
 */
export function textMapData(model: string, texts: readonly string[], vectors: readonly Float32Array[]): TextMapData {
  const units = vectors.map(unit);
  const dimensions = units[0]?.length ?? 0;
  const cells = new Int16Array(units.length * dimensions);
  const scales = units.map((vector, i) => {
    const scale = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 32767;
    for (let j = 0; j < dimensions; j++) cells[i * dimensions + j] = scale === 0 ? 0 : Math.round(vector[j] / scale);
    return scale;
  });
  const { coordinates, variance } = principalAxes(units, 2);
  return {
    model,
    texts,
    dimensions,
    vectors: base64(new Uint8Array(cells.buffer)),
    scales: scales.map((scale) => Number(scale.toPrecision(8))),
    positions: Array.from(coordinates, (value) => Number(value.toPrecision(6))),
    variance: variance.map((part) => Number(part.toPrecision(4))),
    order: texts.length > MAX_CLUSTERED ? [] : clusterOrder(units),
  };
}
