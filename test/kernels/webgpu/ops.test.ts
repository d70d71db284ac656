/**
 * @file Every operation against the reference backend, on random shapes.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { elementFunctions } from '../../../src/tensor/element-functions.ts';
import type {
  Activation,
  AttentionOptions,
  Ops,
  PoolKind,
  RareActivation,
  RopeOptions,
  Weight,
} from '../../../src/tensor/ops.ts';
import { normal } from '../../random.ts';
import { batchOf, countingBatch, evaluate, type Sources, source, withTypes } from '../graphs.ts';
import { describeGpu, expectAsReference, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const runs = { numRuns: 6 };
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
const seed = fc.integer();
const total = (n: readonly number[]) => n.reduce((a, b) => a + b, 0);
const vector = (name: string, n: number, from: number) => [source(name, [n], normal(n, from)), 'vector'] as const;

describeGpu('operations', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await webgpu({ tile: { bm: 16, bn: 16, tm: 1, tn: 4 } });
  });
  afterAll(() => backend.dispose());

  it('embedding by id, position, type and row 0, with scale and add', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 1, max: 70 }), seed, async (sizes, cols, from) => {
        const sources: Sources = {
          a: [source('a', [cols, 40], normal(cols * 40, from)), 'table'],
          b: [source('b', [cols, 40], normal(cols * 40, from + 1)), 'table'],
        };
        const batch = batchOf(sizes, 40, from);
        for (const typed of [batch, withTypes(batch)]) {
          await expectAsReference(backend, sources, typed, (ops, w) => {
            const ids = ops.embedding(w.a, 'ids', { scale: 1.5 });
            const first = ops.embedding(w.b, 'zero', { add: ids });
            const types = ops.embedding(w.a, 'types', { add: first });
            return ops.embedding(w.b, 'positions', { add: types, scale: 0.5 });
          });
        }
      }),
      runs,
    );
  });

  it('linear with every epilogue, of views and odd widths', async () => {
    const activation = fc.constantFrom<Activation | undefined>(undefined, 'gelu', 'silu', 'relu', 'tanh');
    const size = fc.integer({ min: 1, max: 90 });
    await fc.assert(
      fc.asyncProperty(
        lengths,
        size,
        size,
        activation,
        fc.boolean(),
        fc.integer({ min: 0, max: 5 }),
        seed,
        async (sizes, nIn, nOut, f, withResidual, skip, from) => {
          const rows = total(sizes);
          const sources: Sources = {
            x: input(rows, nIn + skip, from),
            r: [source('r', [nOut, rows], normal(nOut * rows, from + 1)), 'table'],
            w: [source('w', [nIn, nOut], normal(nIn * nOut, from + 2, 0.2)), 'matrix'],
            bias: vector('bias', nOut, from + 3),
            scale: vector('scale', 1, from + 4),
          };
          await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => {
            const x = ops.columns(rowsOf(ops, w.x), skip, nIn);
            const residual = withResidual ? ops.embedding(w.r, 'ids') : undefined;
            const layer = withResidual ? { weight: w.w, bias: w.bias } : { weight: w.w, scale: w.scale };
            return ops.linear(x, layer, { activation: f, residual });
          });
        },
      ),
      { numRuns: 14 },
    );
  });

  it('norms of rows and groups', async () => {
    await fc.assert(
      fc.asyncProperty(
        lengths,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 100 }),
        fc.constantFrom('layer', 'rms'),
        fc.boolean(),
        seed,
        async (sizes, groups, n, kind, withResidual, from) => {
          const sources: Sources = {
            x: input(total(sizes), n * groups, from),
            weight: vector('weight', n, from + 1),
            bias: vector('bias', n, from + 2),
          };
          await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => {
            const x = rowsOf(ops, w.x);
            const weights = kind === 'layer' ? { weight: w.weight, bias: w.bias } : { weight: w.weight };
            const residual = withResidual ? ops.activate(x, 'tanh') : undefined;
            return ops.norm(x, weights, { kind: kind as 'layer' | 'rms', eps: 1e-5, groups, residual });
          });
        },
      ),
      { numRuns: 10 },
    );
  });

  const ropes: Record<string, Omit<RopeOptions, 'nHead' | 'nRot'>> = {
    norm: { kind: 'norm', freqBase: 10000 },
    neox: { kind: 'neox', freqBase: 500000, freqScale: 0.25 },
    yarn: {
      kind: 'neox',
      freqBase: 10000,
      freqScale: 0.25,
      yarn: { extFactor: 1, attnFactor: 0.9, betaFast: 32, betaSlow: 1, nCtxOrig: 64 },
    },
  };
  it.each(Object.keys(ropes))('rope %s', async (name) => {
    for (const [sizes, nHead, headSize, nRot] of [
      [[9, 1, 33], 3, 16, 16],
      [[20], 2, 10, 6],
    ] as const) {
      const sources: Sources = {
        x: input(total(sizes), nHead * headSize, 11),
        factors: [
          source(
            'factors',
            [nRot / 2],
            normal(nRot / 2, 12).map((v) => 1 + v * v),
          ),
          'vector',
        ],
      };
      for (const scaled of [false, true]) {
        await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) =>
          ops.rope(rowsOf(ops, w.x), {
            ...ropes[name],
            nHead,
            nRot,
            freqFactors: scaled ? w.factors : undefined,
          }),
        );
      }
    }
  });

  const masks: Record<string, Partial<AttentionOptions>> = {
    full: {},
    causal: { causal: true },
    'symmetric window': { window: { kind: 'symmetric', size: 9 } },
    'standard window, causal': { window: { kind: 'standard', size: 7 }, causal: true },
    'soft cap': { softcap: 3, causal: true },
    alibi: { alibiMaxBias: 8 },
  };
  it.each(Object.keys(masks))('attention: %s', async (mask) => {
    for (const [nHead, nHeadKv, size, sizeV] of [
      [4, 2, 16, 16],
      [6, 6, 9, 7],
    ]) {
      const sizes = [1, 70, 5, 33];
      const sources: Sources = {
        x: input(total(sizes), nHead * size + nHeadKv * (size + sizeV), 21, 1.5),
      };
      await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => {
        const x = rowsOf(ops, w.x);
        const q = ops.columns(x, 0, nHead * size);
        const k = ops.columns(x, nHead * size, nHeadKv * size);
        const v = ops.columns(x, (nHead + nHeadKv) * size, nHeadKv * sizeV);
        return ops.attention(q, k, v, { nHead, nHeadKv, scale: 1 / Math.sqrt(size), ...masks[mask] });
      });
    }
  });

  it('attention with the relative bias of T5, and heads of 256', async () => {
    const sizes = [3, 160];
    const sources: Sources = {
      x: input(total(sizes), 4 * 24, 31),
      bias: [source('bias', [4, 32], normal(128, 32)), 'table'],
      wide: input(total(sizes), 256, 33),
    };
    await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => {
      const x = rowsOf(ops, w.x);
      return ops.attention(x, x, x, { nHead: 4, nHeadKv: 4, scale: 1, relativeBias: w.bias });
    });
    await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => {
      const x = rowsOf(ops, w.wide);
      return ops.attention(x, x, x, { nHead: 1, nHeadKv: 1, scale: 1 / 16 });
    });
  });

  it('attention with rows for distances', async () => {
    const sizes = [3, 150, 40];
    const cases = [[24, 'both'], [10, 'keys'], [16, 'queries']] as const; // biome-ignore format: a list
    for (const [size, has] of cases) {
      const sources: Sources = {
        x: input(total(sizes), 3 * 2 * size, 41),
        keys: [source('keys', [2 * size, 32], normal(64 * size, 42)), 'vector'],
        queries: [source('queries', [2 * size, 32], normal(64 * size, 43)), 'vector'],
      };
      await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => {
        const x = rowsOf(ops, w.x);
        const [q, k, v] = [0, 1, 2].map((i) => ops.columns(x, i * 2 * size, 2 * size));
        const tables = {
          keys: has === 'queries' ? undefined : w.keys,
          queries: has === 'keys' ? undefined : w.queries,
        };
        const disentangled = { nRows: 32, maxDistance: 100, ...tables };
        return ops.attention(q, k, v, { nHead: 2, nHeadKv: 2, scale: 0.1, disentangled });
      });
    }
  });

  it('element-wise functions, softmax, pooling', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 1, max: 80 }), seed, async (sizes, cols, from) => {
        const sources: Sources = { x: input(total(sizes), 2 * cols, from, 3) };
        for (const kind of ['none', 'mean', 'max', 'cls', 'last', 'mean-sqrt-len', 'weighted-mean'] as const) {
          await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => {
            const x = rowsOf(ops, w.x);
            const [a, b] = [ops.columns(x, 0, cols), ops.columns(x, cols, cols)];
            const gated = ops.glu(a, b, 'silu');
            return ops.softmax(ops.pool(ops.add(gated, ops.activate(b, 'gelu')), kind));
          });
        }
      }),
      { numRuns: 4 },
    );
  });

  it('the element-wise functions of layers over pooled vectors', async () => {
    const sources: Sources = { x: input(3, 80, 7, 3), small: input(3, 80, 8, 1e-3) };
    for (const name of Object.keys(elementFunctions) as RareActivation[]) {
      for (const x of ['x', 'small'] as const) {
        await expectAsReference(backend, sources, countingBatch([3]), (ops, w) =>
          ops.activate(rowsOf(ops, w[x]), name),
        );
      }
    }
  });

  it('short convolution, causal and not', async () => {
    const [columns, taps] = [fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 7 })];
    await fc.assert(
      fc.asyncProperty(lengths, columns, taps, fc.boolean(), seed, async (sizes, n, nTaps, causal, from) => {
        const sources: Sources = {
          x: input(total(sizes), 3 * n, from),
          kernel: [source('kernel', [nTaps, n], normal(nTaps * n, from + 1)), 'vector'],
        };
        await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) =>
          ops.shortConv(rowsOf(ops, w.x), w.kernel, { causal }),
        );
      }),
      runs,
    );
  });

  it('the rows around each token side by side', async () => {
    const [columns, rows] = [fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 7 })];
    await fc.assert(
      fc.asyncProperty(lengths, columns, rows, seed, async (sizes, n, size, from) => {
        const sources: Sources = { x: input(total(sizes), n, from) };
        await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) => ops.unfold(rowsOf(ops, w.x), size));
      }),
      runs,
    );
  });

  it('mixture of experts, plain and gated', async () => {
    const [nEmbd, nFf, nExpert, nUsed] = [64, 32, 6, 2];
    const sizes = [7, 31];
    const sources: Sources = {
      x: input(total(sizes), nEmbd, 41),
      router: [source('router', [nEmbd, nExpert], normal(nEmbd * nExpert, 42)), 'matrix'],
      up: [randomBlocks('up', 'Q8_0', [nEmbd, nFf, nExpert], 43), 'experts'],
      gate: [randomBlocks('gate', 'Q8_0', [nEmbd, nFf, nExpert], 44), 'experts'],
      down: [randomBlocks('down', 'Q8_0', [nFf, nEmbd, nExpert], 45), 'experts'],
    };
    for (const gated of [false, true]) {
      await expectAsReference(backend, sources, countingBatch(sizes), (ops, w) =>
        ops.moe(rowsOf(ops, w.x), {
          router: w.router,
          up: w.up,
          gate: gated ? w.gate : undefined,
          down: w.down,
          nUsed,
          activation: gated ? 'silu' : 'gelu',
          renormalise: gated,
        }),
      );
    }
  });

  it('computes one row of each sequence where no more is pooled, with the bits that all rows have', async () => {
    const n = 32;
    const sizes = [9, 1, 40];
    const matrix = (name: string, from: number) => [randomBlocks(name, 'Q8_0', [n, n], from), 'matrix'] as const;
    const sources: Sources = {
      x: input(total(sizes), n, 71),
      q: matrix('q', 72),
      k: matrix('k', 73),
      up: matrix('up', 74),
      router: [source('router', [n, 4], normal(n * 4, 75)), 'matrix'],
      expert: [randomBlocks('expert', 'Q8_0', [n, n, 4], 76), 'experts'],
      norm: vector('norm', n, 77),
    };
    const heads = { nHead: 2, nHeadKv: 2, scale: 0.25 };
    const rotation = { nHead: 2, nRot: 8, kind: 'norm', freqBase: 100 } as const;
    const ways: Partial<AttentionOptions>[] = [
      {},
      { causal: true, window: { kind: 'standard', size: 12 } },
      { alibiMaxBias: 8, window: { kind: 'symmetric', size: 10 } },
    ];
    for (const way of ways) {
      const forward = (kind: PoolKind) => (ops: Ops, w: Record<string, Weight>) => {
        const x = rowsOf(ops, w.x);
        const [q, k, v] = [w.q, w.k, w.k].map((weight) => ops.linear(x, { weight }));
        const attended = ops.attention(ops.rope(q, rotation), ops.rope(k, rotation), v, { ...heads, ...way });
        const h = ops.norm(attended, { weight: w.norm }, { kind: 'rms', eps: 1e-6, residual: x });
        const both = ops.glu(ops.columns(h, 0, 16), ops.columns(h, 16, 16), 'silu');
        const wide = ops.add(ops.linear(h, { weight: w.up }, { activation: 'gelu', residual: x }), h);
        const mixed = ops.moe(wide, { router: w.router, up: w.expert, down: w.expert, nUsed: 2, activation: 'relu' });
        return ops.pool(ops.glu(ops.columns(mixed, 8, 16), both, 'tanh'), kind);
      };
      const batch = countingBatch(sizes);
      const all = await evaluate(backend, sources, batch, forward('none'));
      for (const kind of ['cls', 'last'] as const) {
        await expectAsReference(backend, sources, batch, forward(kind));
        const rows = await evaluate(backend, sources, batch, forward(kind));
        sizes.forEach((_, s) => {
          const token = kind === 'cls' ? batch.offsets[s] : batch.offsets[s + 1] - 1;
          expect(rows.slice(s * 16, s * 16 + 16)).toEqual(all.slice(token * 16, token * 16 + 16));
        });
      }
    }
  });

  it('joins norms with rotations and additions, with the same bits as one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(
        lengths,
        fc.constantFrom<RopeOptions['kind']>('norm', 'neox'),
        fc.constantFrom([4, 4], [7, 4], [70, 70], [96, 32]),
        seed,
        async (sizes, kind, [headSize, nRot], from) => {
          const [nHead, n] = [3, 3 * headSize];
          const sources: Sources = {
            x: input(total(sizes), n, from),
            head: vector('head', headSize, from + 1),
            row: vector('row', n, from + 2),
            bias: vector('bias', n, from + 3),
          };
          const rotation = { nHead, nRot, kind, freqBase: 100 };
          const graph = (ops: Ops, w: Record<string, Weight>) => {
            const x = rowsOf(ops, w.x);
            const heads = ops.norm(x, { weight: w.head }, { kind: 'rms', eps: 1e-6, groups: nHead });
            const turned = ops.rope(heads, rotation);
            const layer = { weight: w.row, bias: w.bias };
            const normed = ops.norm(turned, layer, { kind: 'layer', eps: 1e-5, residual: x });
            return ops.add(turned, normed);
          };
          const batch = countingBatch(sizes);
          await expectAsReference(backend, sources, batch, graph);
          const joined = await evaluate(backend, sources, batch, graph);
          backend.observe(() => {});
          try {
            expect(await evaluate(backend, sources, batch, graph)).toEqual(joined);
          } finally {
            backend.observe(undefined);
          }
        },
      ),
      runs,
    );
  });

  it('keeps every tensor valid until the next begin, also after its memory was reused', async () => {
    const sources: Sources = { x: input(12, 64, 51), w: [source('w', [64, 64], normal(4096, 52, 0.1)), 'matrix'] };
    const batch = countingBatch([5, 7]);
    const chain = async (steps: number) =>
      evaluate(backend, sources, batch, (ops, w) => {
        let x = rowsOf(ops, w.x);
        for (let i = 0; i < steps; i++) x = ops.linear(x, { weight: w.w }, { activation: 'tanh' });
        return x;
      });
    const wanted = [await chain(1), await chain(3)];
    const { ops } = backend;
    const weights = { x: backend.allocate(sources.x[0], 'table'), w: backend.allocate(sources.w[0], 'matrix') };
    await backend.fill(weights.x, sources.x[0]);
    await backend.fill(weights.w, sources.w[0]);
    ops.begin(batch);
    const first = ops.linear(ops.embedding(weights.x, 'ids'), { weight: weights.w }, { activation: 'tanh' });
    let third = first;
    for (let i = 0; i < 2; i++) third = ops.linear(third, { weight: weights.w }, { activation: 'tanh' });
    expect(await ops.read(third)).toEqual(wanted[1]);
    expect(await ops.read(first)).toEqual(wanted[0]);
    expect(await ops.read(ops.add(first, third))).toEqual(wanted[0].map((v, i) => Math.fround(v + wanted[1][i])));
  });

  it('shows named intermediates to an observer', async () => {
    const seen: string[] = [];
    backend.observe((name, values, rows, cols) => {
      expect(values.length).toBe(rows * cols);
      seen.push(name);
    });
    const sources: Sources = { x: input(4, 8, 61) };
    await evaluate(backend, sources, countingBatch([4]), (ops, w) => {
      const x = ops.embedding(w.x, 'ids', { names: { out: 'inp' } });
      const view = ops.columns(x, 2, 4, { names: { out: 'view' }, layer: 3 });
      return ops.activate(view, 'relu', { names: { out: 'act' }, layer: 3 });
    });
    backend.observe(undefined);
    expect(seen).toEqual(['inp', 'view-3', 'act-3']);
  });
});
