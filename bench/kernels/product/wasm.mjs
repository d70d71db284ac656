/** @file The rungs in WebAssembly: the backend's own drivers and tiles over a memory that holds one product. */
import { dot8Levels } from '../../../build/modules/kernels/wasm/dot8.js';
import { i16 } from '../../../build/modules/kernels/wasm/forms/i16.js';
import { u8 } from '../../../build/modules/kernels/wasm/forms/u8.js';
import { compileKernels, instantiateKernels, stripBytes } from '../../../build/modules/kernels/wasm/kernels.js';

const align = (n) => Math.ceil(n / 4096) * 4096;

/**
 * Packs `a` and `w` for both drivers.
 * @param note makes the engine compile the module anew, under the flags of the moment
 */
export async function prepare(a, w, { M, N, K }, note) {
  const { module, relaxed } = await compileKernels(false, note);
  const levels = await dot8Levels({ module, relaxed, nThreads: 1 });
  const memory = new WebAssembly.Memory({ initial: 512, maximum: 65536 });
  const kernels = await instantiateKernels(module, memory);
  const f32 = new Float32Array(memory.buffer);
  const { kPad, kb, nBlocks, limit } = i16.blocking(K);
  let at = 65536;
  const take = (bytes) => {
    const start = at;
    at = align(at + bytes);
    return start;
  };
  const [tile, aF32, aI16, aScales] = [
    take(2 * stripBytes),
    take(M * K * 4),
    take(M * K * 2 + 4096),
    take(M * nBlocks * 4),
  ];
  const [wF32, wI16, wScales, c] = [take(N * K * 4), take(N * K * 2), take((N / 16) * nBlocks * 64), take(M * N * 4)];
  const eight = u8(levels || 127).blocking(K);
  const [aU8, aPairs] = [take(M * K + 4096), take(M * eight.nBlocks * 8)];
  const [wI8, wPairs] = [take(N * K), take((N / 16) * eight.nBlocks * 128)];
  const [rows, scratch] = [take(16 * K * 4), take(K * 2 + 4096)];
  f32.set(a, aF32 / 4);
  for (let n = 0; n < N; n += 16) {
    f32.set(w.subarray(n * K, (n + 16) * K), rows / 4);
    kernels.packPanelF32({ x: rows, ldx: K * 4, nValid: 16, k: K, w: wF32 + n * K * 4 });
    kernels.packPanelI16({
      x: rows,
      ldx: K * 4,
      nValid: 16,
      k: K,
      kPad,
      kb,
      aLimit: limit,
      w: wI16 + n * K * 2,
      scales: wScales + n * nBlocks * 4,
      row: scratch,
    });
    kernels.packPanelI8({
      x: rows,
      ldx: K * 4,
      nValid: 16,
      k: K,
      kb: eight.kb,
      w: wI8 + n * K,
      scales: wPairs + n * eight.nBlocks * 8,
      row: scratch,
    });
  }
  const groupBytes = K * 8;
  const quantize = () =>
    kernels.quantizeRows({ x: aF32, ldx: K * 4, rows: M, k: K, q: aI16, groupBytes, scales: aScales, kb, limit });
  const tail = (wide) => ({
    nPanels: N / 16,
    bias: 256,
    biasStep: 0,
    factor: 1,
    c,
    ldc: N * 4,
    rows: M,
    activation: 0,
    residual: 0,
    ldr: 0,
    wide,
    t: tile,
  });
  return {
    relaxed,
    levels,
    result: () => f32.slice(c / 4, c / 4 + M * N),
    f32: (wide) => kernels.linearF32({ a: aF32, lda: K * 4, w: wF32, k: K, kb, ...tail(wide) }),
    i16: (wide) => {
      quantize();
      kernels.linearI16({
        a: aI16,
        groupBytes,
        aScale: aScales,
        w: wI16,
        wScale: wScales,
        k: K,
        kPad,
        kb,
        ...tail(wide),
      });
    },
    u8: () => {
      kernels.quantizeRowsU8({
        x: aF32,
        ldx: K * 4,
        rows: M,
        k: K,
        q: aU8,
        groupBytes: K * 4,
        scales: aPairs,
        kb: eight.kb,
        levels,
        zero: 0,
      });
      kernels.linearU8({
        a: aU8,
        groupBytes: K * 4,
        aScale: aPairs,
        w: wI8,
        wScale: wPairs,
        k: K,
        kPad: K,
        kb: eight.kb,
        ...tail(1),
      });
    },
  };
}
