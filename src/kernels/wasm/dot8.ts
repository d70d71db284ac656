/**
 * @file What the engine's 8-bit dot product can do. WebAssembly leaves open how it treats activations above 127: signed, unsigned, or
 * with sums that saturate. One answer holds for an engine on a CPU, so a few products tell it.
 */
import { instantiateKernels } from './kernels.ts';

/** Bytes of activations, of weights and of the sums in the probe's own memory. */
const [a, w, t] = [0x10000, 0x11000, 0x12000];

/**
 * Largest activation for which the sums are exact: 255, 127, or 0 where there is no such product or it is wrong (V8 11 doubles it).
 */
export async function dot8Levels(setup: {
  readonly module: WebAssembly.Module;
  readonly relaxed: boolean;
  readonly nThreads: number;
}): Promise<255 | 127 | 0> {
  if (!setup.relaxed) return 0;
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: setup.nThreads > 1 });
  const { tileU8x4x16 } = await instantiateKernels(setup.module, memory);
  for (const levels of [255, 127] as const) {
    if (isExact(levels, memory, () => tileU8x4x16(a, w, t, 32))) return levels;
  }
  return 0;
}

/** Whether 4 × 16 sums of 32 products are right: of the largest values, which saturate if anything does, and of mixed ones. */
function isExact(levels: number, memory: WebAssembly.Memory, run: () => void): boolean {
  const [u8, i8, i32] = [new Uint8Array(memory.buffer), new Int8Array(memory.buffer), new Int32Array(memory.buffer)];
  for (const spread of [0, 1]) {
    for (let i = 0; i < 128; i++) u8[a + i] = levels - spread * ((i * 37) % (levels + 1));
    for (let i = 0; i < 512; i++) i8[w + i] = (i & 64 ? -127 : 127) + (i & 64 ? 1 : -1) * spread * ((i * 29) % 255);
    run();
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 16; column++) {
        let sum = 0;
        for (let k = 0; k < 32; k++)
          sum += u8[a + (k >> 2) * 16 + row * 4 + (k & 3)] * i8[w + (k >> 2) * 64 + column * 4 + (k & 3)];
        if (i32[t / 4 + row * 16 + column] !== sum) return false;
      }
    }
  }
  return true;
}
