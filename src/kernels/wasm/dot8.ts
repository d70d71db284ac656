/**
 * @file Finds out what the engine's 8-bit dot product can do. WebAssembly leaves open how it treats activations above 127: as signed, as
 * unsigned, or with saturating sums. The behaviour is fixed for an engine on a CPU, so a few products reveal it.
 */
import { type CompiledKernels, tryKernels } from './kernels.ts';

/** Addresses of two groups of activations, weights and sums in the probe's own memory; values in a row. */
const [a, w, t, k] = [0x10000, 0x11000, 0x12000, 32];
const groupBytes = 4 * k;

/** Largest activation with exact sums: 255, 127, or 0 if the product is missing or wrong (V8 11 doubles it). */
export async function dot8Levels(compiled: CompiledKernels): Promise<255 | 127 | 0> {
  if (!compiled.relaxed) return 0;
  const { kernels, memory } = await tryKernels(compiled);
  const tiles: [rows: number, run: () => void][] = [
    [4, () => kernels.tileU8x4x16({ a, w, t, k4: k })],
    [6, () => kernels.tileU8x6x16({ a, b: a + groupBytes, w, ta: t, tb: t + 256, k4: k })],
  ];
  for (const levels of [255, 127] as const) {
    if (tiles.every(([rows, run]) => isExact(levels, rows, memory, run))) return levels;
  }
  return 0;
}

/** Whether `rows` × 16 sums of products are correct, for the largest values, which saturate first, and for mixed ones. */
function isExact(levels: number, rows: number, memory: WebAssembly.Memory, run: () => void): boolean {
  const [u8, i8, i32] = [new Uint8Array(memory.buffer), new Int8Array(memory.buffer), new Int32Array(memory.buffer)];
  const activation = (row: number, i: number) =>
    u8[a + (row >> 2) * groupBytes + (i >> 2) * 16 + (row & 3) * 4 + (i & 3)];
  for (const spread of [0, 1]) {
    for (let i = 0; i < 2 * groupBytes; i++) u8[a + i] = levels - spread * ((i * 37) % (levels + 1));
    for (let i = 0; i < 16 * k; i++) i8[w + i] = (i & 64 ? -127 : 127) + (i & 64 ? 1 : -1) * spread * ((i * 29) % 255);
    run();
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < 16; column++) {
        let sum = 0;
        for (let i = 0; i < k; i++) sum += activation(row, i) * i8[w + (i >> 2) * 64 + column * 4 + (i & 3)];
        if (i32[t / 4 + row * 16 + column] !== sum) return false;
      }
    }
  }
  return true;
}
