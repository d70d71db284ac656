/**
 * @file Results that only products and attention read are stored as f16 with precision `fast`: the bits are those of float32 results that
 * these round, for any number of rows. `halved-heads.test.ts` has every kind of attention.
 */
import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/gguf/ggml-types.ts';
import type { WebGpuBackend, WebGpuOptions } from '../../../src/kernels/webgpu/index.ts';
import type { Ops, Tensor, Weight } from '../../../src/tensor/ops.ts';
import { normal } from '../../random.ts';
import { countingBatch, evaluate, type Sources, source } from '../graphs.ts';
import { expectAsReference, gpu, input, randomBlocks, rowsOf, webgpu } from './support.ts';

const adapter = await gpu?.requestAdapter();
const hasHalves = adapter?.features.has('shader-f16') === true;
const hasMatrices = adapter?.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName) === true;

const [nIn, nHead, headSize] = [32, 2, 16];

/** A layer, with norms before its products or after its sums. */
const layer =
  (isPostNorm: boolean, isGated: boolean) =>
  (ops: Ops, w: Record<string, Weight>): Tensor => {
    const norm = (x: Tensor, residual?: Tensor) =>
      ops.norm(x, { weight: w.norm, bias: w.bias }, { kind: 'layer', eps: 1e-5, residual });
    const x = rowsOf(ops, w.x);
    const qkv = ops.linear(isPostNorm ? x : norm(x), { weight: w.qkv });
    const [q, k, v] = [0, 1, 2].map((i) => ops.columns(qkv, i * nIn, nIn));
    const attended = ops.attention(q, k, v, { nHead, nHeadKv: nHead, scale: 0.25 });
    const sum = ops.linear(attended, { weight: w.out }, isPostNorm ? {} : { residual: x });
    const h = isPostNorm ? norm(sum, x) : sum;
    const up = ops.linear(isPostNorm ? h : norm(h), { weight: w.up }, isGated ? {} : { activation: 'gelu' });
    const n = up.cols / 2;
    const hidden = isGated ? ops.glu(ops.columns(up, 0, n), ops.columns(up, n, n), 'silu') : up;
    return ops.linear(hidden, { weight: isGated ? w.downGated : w.down }, { residual: h });
  };

function sourcesOf(rows: number, type: GgmlTypeName, nFf = 64): Sources {
  const matrix = (name: string, cols: number, outputs: number, seed: number) =>
    [randomBlocks(name, type, [cols, outputs], seed), 'matrix'] as const;
  return {
    x: input(rows, nIn, 1),
    norm: [source('norm', [nIn], normal(nIn, 2)), 'vector'],
    bias: [source('bias', [nIn], normal(nIn, 3)), 'vector'],
    qkv: matrix('qkv', nIn, 3 * nHead * headSize, 4),
    out: matrix('out', nIn, nIn, 5),
    up: matrix('up', nIn, nFf, 6),
    down: matrix('down', nFf, nIn, 7),
    downGated: matrix('downGated', nFf / 2, nIn, 8),
  };
}

async function kernelsOf(backend: WebGpuBackend, work: () => Promise<unknown>): Promise<string[]> {
  return (await backend.timed(work)).map(({ kernel }) => kernel);
}

describe.skipIf(!hasHalves)('results in f16', () => {
  // Largest difference from float32 throughout, relative to the largest value.
  const tolerance = 4e-3;
  const styles: [string, WebGpuOptions, GgmlTypeName, boolean][] = [
    ['float', { precision: 'fast', strategy: 'float' }, 'Q8_0', true],
    ['matrix', { precision: 'fast', strategy: 'matrix' }, 'F16', hasMatrices],
  ];
  for (const [name, options, type] of styles.filter(([, , , isPossible]) => isPossible)) {
    it.each([
      [false, false],
      [true, true],
    ])(`${name}: what float32 results give, norm after a sum: %s, gated: %s`, async (isPostNorm, isGated) => {
      const sizes = [3, 20, 270];
      const rows = 293;
      const graph = layer(isPostNorm, isGated);
      const sources = sourcesOf(rows, type);
      const backend = await webgpu({ ...options, debug: false });
      let all: Float32Array | undefined;
      const kernels = await kernelsOf(backend, async () => {
        all = await evaluate(backend, sources, countingBatch(sizes), graph);
      });
      const which = (pattern: RegExp) => kernels.filter((kernel) => pattern.test(kernel)).length;
      // The input of every product but the first of a post-norm layer, which is an embedding.
      expect(which(/^matmul.* from f16/), kernels.join('\n')).toBe(isPostNorm ? 3 : 4);
      expect(which(/^attention.* from f16 to /)).toBe(1);
      expect(which(/^norm.* to /)).toBe(isPostNorm ? 1 : 2);
      expect(which(/^norm.* and f32/)).toBe(isPostNorm ? 1 : 0);
      for (const n of [1, 2]) {
        const some = await evaluate(backend, sources, countingBatch(sizes.slice(0, n)), graph);
        expect(some).toEqual(all?.slice(0, some.length));
      }
      backend.observe(() => {});
      expect(await evaluate(backend, sources, countingBatch(sizes), graph)).toEqual(all);
      backend.dispose();
    });
  }

  it('stay near the reference, and are not used with precision high', async () => {
    const sources = sourcesOf(293, 'Q8_0');
    const graph = layer(false, false);
    const fast = await webgpu({ precision: 'fast', strategy: 'float' });
    await expectAsReference(fast, sources, countingBatch([293]), graph, tolerance);
    fast.dispose();
    const high = await webgpu({ debug: false });
    const kernels = await kernelsOf(high, () => evaluate(high, sources, countingBatch([293]), graph));
    expect(kernels.length).toBeGreaterThan(5);
    expect(kernels.filter((kernel) => / (to|from) /.test(kernel))).toEqual([]);
    high.dispose();
  });
});
