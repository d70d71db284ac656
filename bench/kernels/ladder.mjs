/**
 * @file The rungs by name, from the naive loop to the kernel that a backend runs. Works in Node and in browsers.
 *
 * A rung has `name`, `about`, `macs` (multiply-adds of one run), `lanes` (what one instruction computes), `exact()` (the result of the naive
 * rung), and `prepare()`, which gives `{ run, result }` or `{ missing }`: why this machine cannot run it.
 */
import { matrixShape } from '../../build/modules/kernels/webgpu/shaders/matrix-shape.js';
import * as attention from './attention/plain.mjs';
import { prepare as prepareAttention } from './attention/wasm.mjs';
import { uniform } from './measure.mjs';
import * as product from './product/plain.mjs';
import { prepare as prepareProduct } from './product/wasm.mjs';
import { prepare as prepareBackend } from './wgsl/backend.mjs';
import { launcher } from './wgsl/launch.mjs';
import { naive as naiveWgsl } from './wgsl/naive.mjs';
import { tiled } from './wgsl/tiled.mjs';

/** The up-projection of a MiniLM layer for 192 tokens, and its attention for one text of 512 tokens. */
export const miniLm = {
  product: { M: 192, N: 1536, K: 384 },
  attention: { tokens: 512, heads: 12, size: 32 },
};

/** Gives the result of `make`, which runs once. */
function once(make) {
  let made;
  return () => (made ??= make());
}

/**
 * All rungs.
 * @param shapes as `miniLm`
 * @param openGpu gives `{ adapter, device }`, or throws an Error that says why there is none
 * @param enablePacking turns 256-bit packing on for what is compiled from now on; undefined where nothing can
 */
export function ladder(shapes, { openGpu, enablePacking }) {
  return [
    ...productRungs(shapes.product, enablePacking),
    ...attentionRungs(shapes.attention, enablePacking),
    ...wgslRungs(shapes.product, openGpu),
  ];
}

const needsPacking = { missing: 'needs Node 24 or newer on x86-64' };
const needsDot8 = { missing: 'needs a right 8-bit dot product in relaxed SIMD (V8 12 or newer)' };

/** Inputs of the product, and its result by the naive rung. */
function productOf(shape) {
  const { M, N, K } = shape;
  const [a, w] = [uniform(M * K, 1), uniform(N * K, 2)];
  const exact = once(() => {
    const c = new Float32Array(M * N);
    product.naive(a, w, c, shape);
    return c;
  });
  return { a, w, exact, macs: M * N * K };
}

/** A rung of plain JavaScript: `run` writes its result to `out`. */
const plainRung = (run, out) => ({
  lanes: 'scalar',
  prepare: async () => ({ run: () => run(out), result: () => out }),
});

function productRungs(shape, enablePacking) {
  const { a, w, exact, macs } = productOf(shape);
  const plain = once(() => prepareProduct(a, w, shape));
  // Compiled when the first packed rung is reached: from then on, functions that are compiled late are packed in every module.
  const packed = once(() => (enablePacking?.() ? prepareProduct(a, w, shape, 'packed') : undefined));
  const wasm = (from, run) => async () => {
    const kernels = await from();
    if (kernels === undefined) return needsPacking;
    return { run: () => run(kernels), result: kernels.result };
  };
  const eight = (from) => async () => {
    if ((await plain()).levels === 0) return needsDot8;
    return wasm(from, (kernels) => kernels.u8())();
  };
  const c = new Float32Array(exact().length);
  const rungs = [
    { name: 'naive', about: 'three loops', ...plainRung((out) => product.naive(a, w, out, shape), c) },
    { name: 'blocked', about: '2 × 4 sums at a time', ...plainRung((out) => product.blocked(a, w, out, shape), c) },
    { name: 'wasm-f32', about: '4 values in a register', lanes: 'f32 × 4', prepare: wasm(plain, (k) => k.f32(0)) },
    { name: 'wasm-int16', about: '8 products an instruction', lanes: 'i16 × 8', prepare: wasm(plain, (k) => k.i16(0)) },
    { name: 'wasm-int8', about: '16 products an instruction', lanes: 'i8 × 16', prepare: eight(plain) },
    { name: 'packed-f32', about: '256-bit registers', lanes: 'f32 × 8', prepare: wasm(packed, (k) => k.f32(1)) },
    { name: 'packed-int16', about: '256-bit registers', lanes: 'i16 × 16', prepare: wasm(packed, (k) => k.i16(1)) },
    { name: 'packed-int8', about: '256-bit registers', lanes: 'i8 × 32', prepare: eight(packed) },
  ];
  return rungs.map((rung) => ({ ...rung, name: `product/${rung.name}`, macs, exact }));
}

function attentionRungs(shape, enablePacking) {
  const { tokens, heads, size } = shape;
  const [q, k, v] = [1, 2, 3].map((seed) => uniform(tokens * heads * size, seed));
  const y = new Float32Array(q.length);
  const exact = once(() => {
    const values = new Float32Array(q.length);
    attention.naive(q, k, v, values, shape);
    return values;
  });
  const plain = once(() => prepareAttention(q, k, v, shape));
  const packed = once(() => (enablePacking?.() ? prepareAttention(q, k, v, shape, 'packed') : undefined));
  const wasm = (from, int16, wide) => async () => {
    const kernel = await from();
    if (kernel === undefined) return needsPacking;
    return { run: () => kernel.attend(int16, wide), result: kernel.result };
  };
  const rungs = [
    { name: 'naive', about: 'a matrix of scores', ...plainRung((out) => attention.naive(q, k, v, out, shape), y) },
    { name: 'rows', about: 'one query at a time', ...plainRung((out) => attention.rows(q, k, v, out, shape), y) },
    { name: '16-queries', about: 'a query in each lane', lanes: 'f32 × 4', prepare: wasm(plain, 0, 0) },
    { name: 'int16', about: 'both products in int16', lanes: 'i16 × 8', prepare: wasm(plain, 1, 0) },
    { name: 'packed-16-queries', about: '256-bit registers', lanes: 'f32 × 8', prepare: wasm(packed, 0, 1) },
    { name: 'packed-int16', about: '256-bit registers', lanes: 'i16 × 16', prepare: wasm(packed, 1, 1) },
  ];
  // Each query is multiplied with all keys, and its shares with all values.
  const macs = 2 * tokens * tokens * heads * size;
  return rungs.map((rung) => ({ ...rung, name: `attention/${rung.name}`, macs, exact }));
}

function wgslRungs(shape, openGpu) {
  const { M, N } = shape;
  const { a, w, exact, macs } = productOf(shape);
  const open = once(() => openGpu().catch((error) => ({ missing: error.message })));
  const own = (kernel) => async () => {
    const gpu = await open();
    return gpu.missing !== undefined ? gpu : launcher(gpu.device, kernel(shape), a, w, M * N);
  };
  const backend = (style, lack) => async () => {
    const gpu = await open();
    if (gpu.missing !== undefined) return gpu;
    const missing = lack?.(gpu);
    return missing !== undefined ? { missing } : prepareBackend(gpu, a, w, shape, style);
  };
  const lacksF16 = ({ device }) => (device.features.has('shader-f16') ? undefined : 'needs the feature shader-f16');
  const lacksMatrix = ({ adapter, device }) =>
    matrixShape(adapter.info, device.features) === undefined
      ? 'needs subgroup matrices of f16 with float32 results (chromium-experimental-subgroup-matrix)'
      : undefined;
  const fast = (type, strategy) => ({ type, precision: 'fast', strategy });
  const rungs = [
    { name: 'naive', about: 'a thread an output', prepare: own(naiveWgsl) },
    { name: 'tiled', about: 'tiles in shared memory', prepare: own(tiled) },
    { name: 'float', about: 'several sums a thread', prepare: backend({ type: 'F32', precision: 'high' }) },
    { name: 'f16', about: 'operands in f16', prepare: backend(fast('F16', 'float'), lacksF16) },
    { name: 'int8', about: 'four products an instruction', prepare: backend(fast('Q8_0', 'int8')) },
    { name: 'matrix', about: 'subgroup matrices', prepare: backend(fast('F16', 'matrix'), lacksMatrix) },
  ];
  return rungs.map((rung) => ({ ...rung, name: `wgsl/${rung.name}`, macs, exact }));
}
