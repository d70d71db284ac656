/**
 * @file What the WebGPU tests share: finding a device, random weights and batches, running one graph on two backends.
 *
 * Without the package `webgpu`, or without a Vulkan driver, the tests are skipped and say so; with GGUF_EMBED_REQUIRE_GPU=1
 * (CI) they fail.
 */
import { describe, expect, vi } from 'vitest';
import { type GgmlTypeName, ggmlTypes } from '../../../src/gguf/ggml-types.ts';
import { nElements } from '../../../src/gguf/shape.ts';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { loadDawn } from '../../../src/kernels/webgpu/dawn.node.ts';
import { createWebGpuBackend, type WebGpuBackend, type WebGpuOptions } from '../../../src/kernels/webgpu/index.ts';
import type { Backend, WeightRole, WeightSource } from '../../../src/tensor/backend.ts';
import type { Batch } from '../../../src/tensor/batch.ts';
import type { Ops, Tensor, Weight } from '../../../src/tensor/ops.ts';
import { normal, random } from '../../random.ts';
import { bytesSource, evaluate, type Graph, type Sources, source } from '../graphs.ts';

// Software Vulkan compiles a shader for a second or more, on a busy machine for many.
vi.setConfig({ testTimeout: 240_000 });

async function findGpu(): Promise<{ gpu: GPU } | { missing: string }> {
  try {
    const gpu = await loadDawn();
    if ((await gpu.requestAdapter()) !== null) return { gpu };
    return { missing: 'no Vulkan driver (scripts/ci-install-vulkan.sh installs one on Debian)' };
  } catch (error) {
    return { missing: (error as Error).message };
  }
}

// Software Vulkan optimises every shader for seconds; the tests' shapes are too small to gain from that.
process.env.GALLIVM_PERF ??= 'nopt';

const found = await findGpu();
if ('missing' in found) {
  const message = `WebGPU tests are skipped: ${found.missing}`;
  if (process.env.GGUF_EMBED_REQUIRE_GPU === '1') throw new Error(message);
  console.warn(message);
}

/** The `GPU` object to test on. */
export const gpu = 'gpu' in found ? found.gpu : undefined;

/** `describe` where there is a GPU (or a software one). */
export const describeGpu = describe.skipIf(gpu === undefined);

/** A WebGPU backend in debug mode: every launch is validated by itself. */
export function webgpu(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  return createWebGpuBackend({ gpu, debug: true, autotune: false, ...options });
}

/**
 * Random weights of any type: random bytes, with every float in the block (scales, minima) replaced by a small one.
 * Each byte pattern of quants and integer scales can occur.
 */
export function randomBlocks(name: string, type: GgmlTypeName, shape: number[], seed: number): WeightSource {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const size = nElements(shape);
  if (blockSize === 1) return source(name, shape, normal(size, seed, 0.2), type);
  const next = random(seed);
  const bytes = Uint8Array.from({ length: (size / blockSize) * blockBytes }, () => next() * 256);
  const view = new DataView(bytes.buffer);
  const small = () => 0x2000 | (next() * 0x400) | (next() < 0.5 ? 0x8000 : 0);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    for (const offset of halvesOf[type] ?? [0]) view.setUint16(at + offset, small(), true);
    if (type === 'MXFP4') bytes[at] = 118 + next() * 6;
    if (type === 'NVFP4') for (let i = 0; i < 4; i++) bytes[at + i] = 8 + next() * 40;
    if (type === 'IQ1_M') {
      // The f16 scale is spread over the upper nibbles of four 16-bit words.
      const d = small();
      for (let i = 0; i < 4; i++) bytes[at + 49 + 2 * i] = (bytes[at + 49 + 2 * i] & 15) | (((d >> (4 * i)) & 15) << 4);
    }
  }
  return bytesSource(name, type, shape, bytes);
}

/** Byte offsets of the f16 values in a block, where that is not offset 0 alone. */
const halvesOf: Partial<Record<GgmlTypeName, readonly number[]>> = {
  Q4_1: [0, 2],
  Q5_1: [0, 2],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  TQ1_0: [52],
  TQ2_0: [64],
  IQ1_M: [],
  MXFP4: [],
  NVFP4: [],
};

/** Checks that a graph gives on `backend` what it gives on the reference backend, up to `tolerance` of the largest value. */
export async function expectAsReference(
  backend: Backend,
  sources: Sources,
  batch: Batch,
  graph: Graph,
  tolerance = 2e-5,
): Promise<void> {
  const reference = await createReferenceBackend();
  const expected = await evaluate(reference, sources, batch, graph);
  const actual = await evaluate(backend, sources, batch, graph);
  reference.dispose();
  expectClose(actual, expected, tolerance);
}

/** Every value within `tolerance` of the largest expected one. */
function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-6);
  let worst = 0;
  let at = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= worst)) [worst, at] = [difference, i];
  }
  expect(worst / largest, `value ${at}: ${actual[at]} instead of ${expected[at]}`).toBeLessThan(tolerance);
}

/** A weight `x` `[cols, rows]` that `rowsOf` turns into a tensor of the batch: token `t` is row `t`. */
export function input(rows: number, cols: number, seed: number, scale = 1): readonly [WeightSource, WeightRole] {
  return [source('x', [cols, rows], normal(rows * cols, seed, scale)), 'table'];
}

/** The tensor whose row for each token is the row of `table` that its id names. */
export function rowsOf(ops: Ops, table: Weight): Tensor {
  return ops.embedding(table, 'ids');
}
