/**
 * @file Small graphs over the operations that images need, and batches for them: for tests of any backend against the reference.
 */
import type { Batch } from '../../src/tensor/batch.ts';
import type { RopeCoordinates, RopeOptions } from '../../src/tensor/ops.ts';
import { normal, random } from '../random.ts';
import { batchOf, type Graph, type Sources, source } from './graphs.ts';

const [nHead, headSize] = [3, 20];
const width = nHead * headSize;
const table = (name: string, cols: number, seed: number): Sources['x'] => [
  source(name, [cols, 50], normal(cols * 50, seed)),
  'table',
];
const sources: Sources = {
  x: table('x', width, 1),
  k: table('k', width, 2),
  v: table('v', width, 3),
  w: [source('w', [90, width], normal(90 * width, 4, 0.1)), 'matrix'],
  norm: [source('norm', [headSize], normal(headSize, 5)), 'vector'],
};

/** A graph, what it is fed with, and how far a backend in float32 may be from the reference. */
export interface ImageCase {
  readonly sources: Sources;
  readonly batch: Batch;
  readonly graph: Graph;
}

const lengths = [21, 8, 40, 3];

/** Rows for most tokens, `cols` wide. */
function withGiven(batch: Batch, cols: number, share = 0.7): Batch {
  const next = random(11);
  let n = 0;
  const at = Int32Array.from(batch.ids, () => (next() < share ? n++ : -1));
  return { ...batch, given: { values: normal(Math.max(n, 1) * cols, 12), width: cols, at } };
}

/** Coordinates like those of images. */
function withCoordinates(batch: Batch): Batch {
  const coordinates = Int32Array.from({ length: 4 * batch.ids.length }, (_, i) => (i * 7 + (i % 4) * 31) % 53);
  return { ...batch, coordinates };
}

/** Tokens 5 … 14 and 2 … 30 of the first and third sequence see each other. */
function withImages(batch: Batch): Batch {
  const ahead = new Int32Array(batch.ids.length);
  for (const [from, to] of [
    [5, 15],
    [31, 60],
  ])
    for (let t = from; t < to; t++) ahead[t] = to - 1 - t;
  return { ...batch, ahead };
}

const windows = { image: Int32Array.of(0, 29, 72), window: Int32Array.of(0, 7, 29, 30, 50, 72) };
const attention = { nHead, nHeadKv: nHead, scale: 0.2 } as const;
const qkv: (options: object) => Graph = (options) => (ops, w) =>
  ops.attention(ops.embedding(w.x, 'ids'), ops.embedding(w.k, 'ids'), ops.embedding(w.v, 'ids'), {
    ...attention,
    ...options,
  });
const turned: (coordinates: RopeCoordinates, options?: Partial<RopeOptions>) => Graph =
  (coordinates, options) => (ops, w) =>
    ops.rope(ops.embedding(w.x, 'ids'), { nHead, nRot: 16, kind: 'neox', freqBase: 500, coordinates, ...options });

const sections = { kind: 'sections', sizes: [2, 3, 2, 1] } as const;
const interleaved = { kind: 'interleaved', sizes: [3, 2, 2, 0] } as const;
const axes = { kind: 'axes', sizes: [4, 4] } as const;
const batch = batchOf(lengths);
const patches = batchOf([4, 4, 4, 4, 4]);
const weightsOf = (seed: number) => normal(batch.ids.length, seed);

/** Batches whose last tokens nobody sees, and what mixes tokens. */
const partlySeen: Batch = { ...batch, seen: Int32Array.of(9, 8, 1, 2) };
const hidden: Readonly<Record<string, ImageCase>> = {
  'attention of tokens that nobody sees': { sources, batch: partlySeen, graph: qkv({}) },
  'the same in causal attention': { sources, batch: partlySeen, graph: qkv({ causal: true }) },
  'the same with ALiBi': { sources, batch: partlySeen, graph: qkv({ alibiMaxBias: 8 }) },
  'the same in a window': {
    sources,
    batch: partlySeen,
    graph: qkv({ window: { kind: 'symmetric', size: 80 } }),
  },
  'the same of many keys that are partly seen': {
    sources,
    batch: { ...batchOf([30, 400, 2]), seen: Int32Array.of(30, 290, 1) },
    graph: qkv({}),
  },
  'the last row of attention of tokens that nobody sees': {
    sources,
    batch: partlySeen,
    graph: (ops, w) => ops.pool(qkv({})(ops, w), 'last'),
  },
  'a short convolution over tokens that nobody sees': {
    sources: { x: sources.x, taps: [source('taps', [3, width / 3], normal(width, 7)), 'vector'] },
    batch: partlySeen,
    graph: (ops, w) => ops.shortConv(ops.embedding(w.x, 'ids'), w.taps, { causal: false }),
  },
  'the rows around tokens that nobody sees': {
    sources,
    batch: partlySeen,
    graph: (ops, w) => ops.unfold(ops.embedding(w.x, 'ids'), 3),
  },
};

/** By what they do. */
export const imageCases: Readonly<Record<string, ImageCase>> = {
  ...hidden,
  'rope by sections of a text': { sources, batch, graph: turned(sections) },
  'rope by sections of an image': { sources, batch: withCoordinates(batch), graph: turned(sections) },
  'rope with interleaved coordinates': { sources, batch: withCoordinates(batch), graph: turned(interleaved) },
  'rope with interleaved coordinates of a text': { sources, batch, graph: turned(interleaved) },
  'rope on two axes': { sources, batch: withCoordinates(batch), graph: turned(axes) },
  'rope of adjacent pairs by coordinates, scaled': {
    sources,
    batch: withCoordinates(batch),
    graph: turned(sections, {
      kind: 'norm',
      freqScale: 0.5,
      yarn: { extFactor: 1, attnFactor: 1, betaFast: 32, betaSlow: 1, nCtxOrig: 64 },
    }),
  },
  'norm of heads and rope by coordinates of the last rows': {
    sources,
    batch: withCoordinates(batch),
    graph: (ops, w) => {
      const x = ops.embedding(w.x, 'ids');
      const q = ops.norm(x, { weight: w.norm }, { kind: 'rms', eps: 1e-5, groups: nHead });
      const rope = { nHead, nRot: 16, kind: 'neox', freqBase: 500, coordinates: interleaved } as const;
      const heads = ops.attention(ops.rope(q, rope), ops.rope(x, rope), x, { ...attention, causal: true });
      return ops.pool(heads, 'last');
    },
  },
  'attention within images': { sources, batch: { ...batch, spans: windows }, graph: qkv({ within: 'image' }) },
  'attention within windows': { sources, batch: { ...batch, spans: windows }, graph: qkv({ within: 'window' }) },
  'causal attention with images that see both ways': {
    sources,
    batch: withImages(batch),
    graph: qkv({ causal: true }),
  },
  'the same in a sliding window': {
    sources,
    batch: withImages(batch),
    graph: qkv({ causal: true, window: { kind: 'standard', size: 9 } }),
  },
  'the same of many keys': {
    sources,
    batch: withImages(batchOf([30, 400, 2])),
    graph: qkv({ causal: true }),
  },
  'the last row of causal attention with images': {
    sources,
    batch: withImages(batch),
    graph: (ops, w) => ops.pool(qkv({ causal: true })(ops, w), 'last'),
  },
  'given rows in place of embeddings': {
    sources,
    batch: withGiven(batch, width),
    graph: (ops, w) => ops.given(0, width, { instead: ops.embedding(w.x, 'ids') }),
  },
  'columns of given rows, added': {
    sources,
    batch: withGiven(batch, width + 10),
    graph: (ops, w) => ops.given(7, width, { add: ops.embedding(w.x, 'ids') }),
  },
  'a product of given rows alone': {
    sources,
    batch: withGiven(batch, 90, 2),
    graph: (ops, w) => ops.linear(ops.given(0, 90), { weight: w.w }, { activation: 'gelu_quick' }),
  },
  'GELU in the erf form after a product and by itself': {
    sources,
    batch: withGiven(batch, 90, 2),
    graph: (ops, w) =>
      ops.activate(ops.linear(ops.given(0, 90), { weight: w.w }, { activation: 'gelu_erf' }), 'gelu_erf'),
  },
  'given rows of a batch without any': {
    sources,
    batch,
    graph: (ops, w) => ops.given(0, width, { instead: ops.given(3, width, { add: ops.embedding(w.x, 'ids') }) }),
  },
  'rows of a mixture': {
    sources,
    batch: {
      ...batch,
      mixture: [2, 3].map((seed) => ({
        rows: Int32Array.from(batch.ids, (id) => (id * seed) % 50),
        weights: weightsOf(seed),
      })),
    },
    graph: (ops, w) =>
      ops.embedding(
        w.x,
        { term: 1 },
        { scale: 3, add: ops.embedding(w.x, { term: 0 }, { add: ops.embedding(w.k, 'ids') }) },
      ),
  },
  'rows of a sequence side by side': {
    sources,
    batch: patches,
    graph: (ops, w) => ops.pool(ops.embedding(w.x, 'ids'), 'concat'),
  },
  'matrices side by side': {
    sources,
    batch: patches,
    graph: (ops, w) => {
      const x = ops.embedding(w.x, 'ids');
      return ops.concat([ops.pool(x, 'mean'), ops.pool(ops.columns(x, 3, 9), 'concat'), ops.pool(x, 'last')]);
    },
  },
  ...Object.fromEntries(
    (['mean', 'cls', 'last'] as const).map((kind) => [
      `${kind} from a later row on`,
      {
        sources,
        batch: { ...batch, poolFrom: Int32Array.of(9, 21, 66, 71) },
        graph: (ops, w) => {
          const heads = qkv({ causal: true })(ops, w);
          return ops.pool(ops.activate(heads, 'gelu_quick'), kind);
        },
      } satisfies ImageCase,
    ]),
  ),
};
