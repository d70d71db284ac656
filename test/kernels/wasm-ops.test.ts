/** @file Every operation of the wasm backend against the reference backend, on random shapes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../src/gguf/ggml-types.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import type { Activation } from '../../src/tensor/ops.ts';
import { normal } from '../random.ts';
import { batchOf, type Graph, type Sources, source, withTypes } from './graphs.ts';
import { both, distance } from './wasm-helpers.ts';

const lengths = fc.array(fc.integer({ min: 1, max: 37 }), { minLength: 1, maxLength: 4 });
const activation = fc.constantFrom<Activation | undefined>(undefined, 'gelu', 'silu', 'relu', 'tanh');
const seed = fc.integer({ min: 1, max: 1 << 20 });

/** A table whose rows become the input of the operation under test. */
const table = (cols: number, seed: number, scale = 1): Sources['x'] => [
  source('x', [cols, 50], normal(cols * 50, seed, scale)),
  'table',
];

async function compare(
  sources: Sources,
  tokens: number[] | Batch,
  graph: Graph,
  tolerance = 2e-6,
  precision: 'exact' | 'high' = 'exact',
) {
  const { wasm, reference } = await both(sources, Array.isArray(tokens) ? batchOf(tokens) : tokens, graph, {
    precision,
  });
  expect(distance(wasm, reference)).toBeLessThan(tolerance);
}

describe('linear', () => {
  const run = (types: GgmlTypeName[], precision: 'exact' | 'high', tolerance: number) =>
    fc.assert(
      fc.asyncProperty(
        lengths,
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 1, max: 70 }),
        fc.constantFrom(...types),
        activation,
        fc.boolean(),
        seed,
        async (tokens, k, n, type, act, residual, seed) => {
          if (type === 'Q8_0') k = Math.ceil(k / 32) * 32;
          const sources: Sources = {
            x: table(k, seed),
            w: [source('w', [k, n], normal(k * n, seed + 1, 1 / Math.sqrt(k)), type), 'matrix'],
            b: [source('b', [n], normal(n, seed + 2)), 'vector'],
            r: [source('r', [n, 50], normal(n * 50, seed + 3)), 'table'],
          };
          await compare(
            sources,
            tokens,
            (ops, w) =>
              ops.linear(
                ops.embedding(w.x, 'ids'),
                { weight: w.w, bias: w.b },
                { activation: act, residual: residual ? ops.embedding(w.r, 'positions') : undefined },
              ),
            tolerance,
            precision,
          );
        },
      ),
      { numRuns: 30 },
    );
  it('is float32 at `exact`', () => run(['F32', 'F16', 'BF16', 'Q8_0'], 'exact', 6e-6));
  it('is nearly float32 at `high`', () => run(['F32', 'F16', 'BF16', 'Q8_0'], 'high', 2e-3));
});

it('embedding', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 70 }),
      fc.constantFrom<GgmlTypeName>('F32', 'F16', 'BF16', 'Q8_0'),
      fc.boolean(),
      seed,
      async (tokens, n, type, add, seed) => {
        if (type === 'Q8_0') n = Math.ceil(n / 32) * 32;
        const sources: Sources = {
          x: [source('x', [n, 50], normal(n * 50, seed), type), 'table'],
          y: table(n, seed + 1),
        };
        for (const batch of [batchOf(tokens), withTypes(batchOf(tokens))]) {
          await compare(sources, batch, (ops, w) => {
            const types = ops.embedding(w.x, 'types', { add: add ? ops.embedding(w.y, 'zero') : undefined });
            return ops.embedding(w.x, 'ids', { scale: 3.5, add: types });
          });
        }
      },
    ),
    { numRuns: 30 },
  ));

it('norm', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 150 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom('layer' as const, 'rms' as const),
      fc.boolean(),
      seed,
      async (tokens, n, groups, kind, residual, seed) => {
        const sources: Sources = {
          x: table(n * groups, seed),
          r: table(n * groups, seed + 1),
          w: [source('w', [n], normal(n, seed + 2)), 'vector'],
          b: [source('b', [n], normal(n, seed + 3)), 'vector'],
        };
        await compare(
          sources,
          tokens,
          (ops, w) =>
            ops.norm(
              ops.embedding(w.x, 'ids'),
              { weight: w.w, bias: kind === 'layer' ? w.b : undefined },
              { kind, eps: 1e-5, groups, residual: residual ? ops.embedding(w.r, 'positions') : undefined },
            ),
          1e-5,
        );
      },
    ),
    { numRuns: 40 },
  ));

it('rope', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom('norm' as const, 'neox' as const),
      fc.boolean(),
      fc.boolean(),
      seed,
      async (tokens, pairs, rest, nHead, kind, yarn, factors, seed) => {
        const cols = nHead * (2 * pairs + rest);
        const sources: Sources = {
          x: table(cols, seed),
          f: [
            source(
              'f',
              [pairs],
              normal(pairs, seed + 1).map((v) => 1 + Math.abs(v)),
            ),
            'vector',
          ],
        };
        const scaled = yarn
          ? { freqScale: 0.25, yarn: { extFactor: 1, attnFactor: 0.9, betaFast: 32, betaSlow: 1, nCtxOrig: 64 } }
          : {};
        await compare(sources, tokens, (ops, w) =>
          ops.rope(ops.embedding(w.x, 'ids'), {
            nHead,
            nRot: 2 * pairs,
            kind,
            freqBase: 10000,
            freqFactors: factors ? w.f : undefined,
            ...scaled,
          }),
        );
      },
    ),
    { numRuns: 40 },
  ));

describe('attention', () => {
  const run = (
    tokens: fc.Arbitrary<number[]>,
    widest: number,
    precision: 'exact' | 'high',
    tolerance: number,
    numRuns: number,
  ) =>
    fc.assert(
      fc.asyncProperty(
        tokens,
        fc.record({
          nHeadKv: fc.integer({ min: 1, max: 3 }),
          per: fc.integer({ min: 1, max: 2 }),
          d: fc.integer({ min: 1, max: 40 }),
          dv: fc.integer({ min: 1, max: 40 }),
        }),
        fc.record({
          causal: fc.boolean(),
          window: fc.option(
            fc.record({
              kind: fc.constantFrom('symmetric' as const, 'standard' as const),
              size: fc.integer({ min: 1, max: widest }),
            }),
            { nil: undefined },
          ),
          extra: fc.constantFrom('none', 'alibi', 'softcap', 'relative'),
        }),
        seed,
        async (tokens, { nHeadKv, per, d, dv }, { causal, window, extra }, seed) => {
          const nHead = nHeadKv * per;
          const sources: Sources = {
            q: table(nHead * d, seed),
            kv: table(nHeadKv * (d + dv), seed + 1),
            rel: [source('rel', [nHead, 32], normal(nHead * 32, seed + 2)), 'table'],
          };
          await compare(
            sources,
            tokens,
            (ops, w) => {
              const kv = ops.embedding(w.kv, 'ids');
              return ops.attention(
                ops.embedding(w.q, 'ids'),
                ops.columns(kv, 0, nHeadKv * d),
                ops.columns(kv, nHeadKv * d, nHeadKv * dv),
                {
                  nHead,
                  nHeadKv,
                  scale: extra === 'relative' ? 0.7 : 1 / Math.sqrt(d),
                  causal,
                  window,
                  alibiMaxBias: extra === 'alibi' ? 8 : undefined,
                  softcap: extra === 'softcap' ? 2 : undefined,
                  relativeBias: extra === 'relative' ? w.rel : undefined,
                },
              );
            },
            tolerance,
            precision,
          );
        },
      ),
      { numRuns },
    );
  const several = (min: number, max: number, most: number) =>
    fc.array(fc.integer({ min, max }), { minLength: 1, maxLength: most });
  it('is float32 at `exact`', () => run(several(1, 90, 3), 30, 'exact', 1e-5, 80));
  it('is float32 at `exact` over several blocks of keys', () => run(several(500, 1100, 1), 700, 'exact', 1e-5, 6));
  it('is float32 at `high` with few keys', () => run(several(1, 127, 2), 30, 'high', 1e-5, 20));
  it('is nearly float32 at `high` with many keys', () => run(several(120, 420, 2), 200, 'high', 2e-3, 40));
  it('is nearly float32 at `high` over many blocks of keys', () => run(several(500, 1100, 1), 700, 'high', 2e-3, 6));
});

describe('disentangled attention', () => {
  const run = (sizes: fc.Arbitrary<number[]>, precision: 'exact' | 'high', tolerance: number, numRuns: number) =>
    fc.assert(
      fc.asyncProperty(
        sizes,
        fc.record({ nHead: fc.integer({ min: 1, max: 3 }), d: fc.integer({ min: 1, max: 40 }) }),
        fc.record({
          nRows: fc.constantFrom(8, 34, 64),
          maxDistance: fc.constantFrom(0, 18, 300),
          has: fc.constantFrom('keys', 'queries', 'both'),
        }),
        seed,
        async (tokens, { nHead, d }, { nRows, maxDistance, has }, seed) => {
          const rows = (name: string, from: number) =>
            [source(name, [nHead * d, nRows], normal(nHead * d * nRows, from)), 'vector'] as const;
          const sources: Sources = {
            x: table(3 * nHead * d, seed),
            keys: rows('keys', seed + 1),
            queries: rows('queries', seed + 2),
          };
          await compare(
            sources,
            tokens,
            (ops, w) => {
              const x = ops.embedding(w.x, 'ids');
              const [q, k, v] = [0, 1, 2].map((i) => ops.columns(x, i * nHead * d, nHead * d));
              const disentangled = {
                nRows,
                maxDistance,
                keys: has === 'queries' ? undefined : w.keys,
                queries: has === 'keys' ? undefined : w.queries,
              };
              return ops.attention(q, k, v, { nHead, nHeadKv: nHead, scale: 1 / Math.sqrt(3 * d), disentangled });
            },
            tolerance,
            precision,
          );
        },
      ),
      { numRuns },
    );
  const several = (min: number, max: number) => fc.array(fc.integer({ min, max }), { minLength: 1, maxLength: 2 });
  it('is float32 at `exact`', () => run(several(1, 90), 'exact', 1e-5, 15));
  it('is nearly float32 at `high` with many keys', () => run(several(120, 260), 'high', 2e-3, 4));
});

it('glu, add, activate, softmax, columns', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 70 }),
      fc.constantFrom<Activation>('gelu', 'silu', 'relu', 'tanh'),
      seed,
      async (tokens, n, act, seed) => {
        const sources: Sources = { x: table(2 * n, seed, 3) };
        const parts: Graph[] = [
          (ops, w) => {
            const x = ops.embedding(w.x, 'ids');
            return ops.glu(ops.columns(x, 0, n), ops.columns(x, n, n), act);
          },
          (ops, w) => {
            const x = ops.embedding(w.x, 'ids');
            return ops.add(ops.columns(x, 0, n), ops.columns(x, n, n));
          },
          (ops, w) => ops.activate(ops.columns(ops.embedding(w.x, 'ids'), n, n), act),
          (ops, w) => ops.softmax(ops.columns(ops.embedding(w.x, 'ids'), n, n)),
          (ops, w) => ops.columns(ops.embedding(w.x, 'ids'), n, n),
        ];
        for (const part of parts) await compare(sources, tokens, part);
      },
    ),
    { numRuns: 15 },
  ));

it('short convolution, causal and not', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      seed,
      async (tokens, n, nTaps, causal, seed) => {
        const sources: Sources = {
          x: table(3 * n, seed),
          kernel: [source('kernel', [nTaps, n], normal(nTaps * n, seed + 1)), 'vector'],
        };
        await compare(sources, tokens, (ops, w) => ops.shortConv(ops.embedding(w.x, 'ids'), w.kernel, { causal }));
      },
    ),
    { numRuns: 30 },
  ));

it('the rows around each token side by side', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 7 }),
      seed,
      async (tokens, n, size, seed) => {
        const sources: Sources = { x: table(2 * n, seed) };
        await compare(sources, tokens, (ops, w) => ops.unfold(ops.columns(ops.embedding(w.x, 'ids'), n, n), size));
      },
    ),
    { numRuns: 30 },
  ));

it('moe', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.boolean(),
      seed,
      async (tokens, nUsed, gated, renormalise, seed) => {
        const [n, ff, experts] = [40, 24, 6];
        const stack = (name: string, a: number, b: number, s: number): Sources['x'] => [
          source(name, [a, b, experts], normal(a * b * experts, s, 0.3)),
          'experts',
        ];
        const sources: Sources = {
          x: table(n, seed),
          router: [source('router', [n, experts], normal(n * experts, seed + 1, 0.3)), 'matrix'],
          up: stack('up', n, ff, seed + 2),
          gate: stack('gate', n, ff, seed + 3),
          down: stack('down', ff, n, seed + 4),
        };
        await compare(
          sources,
          tokens,
          (ops, w) =>
            ops.moe(ops.embedding(w.x, 'ids'), {
              router: w.router,
              up: w.up,
              gate: gated ? w.gate : undefined,
              down: w.down,
              nUsed,
              activation: 'silu',
              renormalise,
            }),
          1e-5,
        );
      },
    ),
    { numRuns: 20 },
  ));

it('pool', () =>
  fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 70 }),
      fc.constantFrom(...(['none', 'mean', 'max', 'cls', 'last', 'mean-sqrt-len', 'weighted-mean'] as const)),
      seed,
      async (tokens, n, kind, seed) => {
        await compare({ x: table(n, seed) }, tokens, (ops, w) => ops.pool(ops.embedding(w.x, 'ids'), kind));
      },
    ),
    { numRuns: 30 },
  ));
