/**
 * @file Arithmetic on the vectors of all texts, in a worker of the page: similarities, order, neighbours, principal axes.
 */
import { clusterOrder } from '../../layout/cluster-order.ts';
import { principalAxes } from '../../layout/principal-axes.ts';
import { dot } from '../../layout/vectors.ts';
import { answerCalls } from '../calls.ts';
import { readDataset } from '../dataset.ts';
import { COMPARED, type Encoding, encodings } from '../dimensions/encodings.ts';
import { KeptNeighbours } from '../dimensions/kept-neighbours.ts';
import { exportFile, type FileName } from '../export/files.ts';
import { type Groups, groupByColumn } from '../map/groups.ts';
import { type MapPicture, mapSvg } from '../map/svg.ts';
import { pointsInside } from '../map/viewport.ts';
import { clusterWords } from './cluster-words.ts';
import { clusterCount, kMeans } from './k-means.ts';
import { smallest } from './nearest-k.ts';
import { PART_ROWS, partOf, Rows, type RowsPart } from './rows.ts';
import { sampleOf } from './sample.ts';

let rows = new Rows();
let keptNeighbours: KeptNeighbours | undefined;

/** Compares the neighbours of the first `COMPARED` rows. */
function comparison(count: number): KeptNeighbours {
  keptNeighbours ??= new KeptNeighbours(rows.vectors.slice(0, COMPARED), count);
  return keptNeighbours;
}

/** Texts that the axes are found from; the others are only projected. */
const AXES_SAMPLE = 3000;

/** A text and how similar it is. */
export interface Neighbour {
  readonly index: number;
  readonly similarity: number;
}

/** The `count` most similar texts, best first. */
function mostSimilar(to: Float32Array, count: number, without = -1): Neighbour[] {
  const distances = Float64Array.from(rows.vectors, (vector) => -dot(vector, to));
  const nearest = smallest(distances, count + (without < 0 ? 0 : 1)).filter((index) => index !== without);
  return nearest.slice(0, count).map((index) => ({ index, similarity: -distances[index] }));
}

const methods = {
  /** Forgets all rows. */
  clear(): void {
    rows = new Rows();
    keptNeighbours = undefined;
  },
  /** Takes rows after those that it has. */
  append(part: RowsPart): void {
    rows.add(part);
  },
  /** Reads a file of texts. Notes are its rows; the answer is whether they have vectors. */
  async read({ file }: { file: File }, note: (part: RowsPart) => void): Promise<boolean> {
    const found = readDataset(file.name, await file.text());
    for (let at = 0; at < found.texts.length; at += PART_ROWS) note(partOf(found, found.vectors, at, at + PART_ROWS));
    return found.vectors !== undefined;
  },
  /** A file of the rows with the indices `picked`, or of all. */
  export({ name, picked }: { name: FileName; picked: readonly number[] | undefined }): Promise<Blob> {
    return exportFile(name, rows, picked);
  },
  /** Groups by the values of a column. */
  groups({ column, others }: { column: string; others: string }): Groups {
    return groupByColumn(rows.columns[column], others);
  },
  /** The map as SVG. */
  svg(picture: MapPicture): Blob {
    return mapSvg(picture);
  },
  /** The points inside of a closed line on the plane. */
  inside({ positions, line }: { positions: Float32Array; line: readonly number[] }): number[] {
    return pointsInside(positions, line);
  },
  /** Where the texts lie along the first two principal axes, x and y in turn, and the part of the variance of each. */
  axes(): { positions: Float32Array; variance: readonly number[] } {
    const { vectors } = rows;
    const { directions, variance } = principalAxes(sampleOf(vectors, AXES_SAMPLE), 2);
    const axes = directions.map((direction) => Float32Array.from(direction));
    const positions = Float32Array.from({ length: 2 * vectors.length }, (_, i) => dot(vectors[i >> 1], axes[i & 1]));
    return { positions, variance };
  },
  /** The cluster of each text, and names for them. */
  clusters(): Groups {
    const k = clusterCount(rows.vectors.length);
    const of = kMeans(rows.vectors, k);
    return { names: clusterWords(rows.texts, of, k), of };
  },
  /** The texts that are most similar to a vector. */
  nearTo({ vector, count }: { vector: Float32Array; count: number }): Neighbour[] {
    return mostSimilar(vector, count);
  },
  /** The cosines of the first `count` texts with each other, row-major, and their order by clusters. */
  similarities({ count }: { count: number }): { values: Float32Array; order: number[] } {
    const first = rows.vectors.slice(0, count);
    const n = first.length;
    const values = new Float32Array(n * n);
    for (let a = 0; a < n; a++) {
      for (let b = 0; b <= a; b++) values[a * n + b] = values[b * n + a] = dot(first[a], first[b]);
    }
    return { values, order: clusterOrder(first) };
  },
  /** The `count` neighbours of a text in whole vectors and in stored ones, and the recall of all texts. */
  kept({ index, count, size, encoding }: { index: number; count: number; size: number; encoding: Encoding }) {
    const neighbours = comparison(count);
    return { size, encoding, whole: neighbours.whole(index), ...neighbours.after(index, size, encoding) };
  },
  /** The recall for each size, by encoding. */
  recalls({ count, sizes }: { count: number; sizes: readonly number[] }): Record<Encoding, number>[] {
    const neighbours = comparison(count);
    return sizes.map((size) => {
      const [float, int8, binary] = encodings.map((encoding) => neighbours.recall(size, encoding));
      return { float, int8, binary };
    });
  },
  /** The texts that are most similar to one of them. */
  neighbours({ index, count }: { index: number; count: number }): Neighbour[] {
    return index < rows.vectors.length ? mostSimilar(rows.vectors[index], count, index) : [];
  },
};

/** The methods of the worker. */
export type LayoutMethods = typeof methods;

answerCalls(methods);
