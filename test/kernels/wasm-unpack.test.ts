/** @file The unpackers of the wasm backend against the codecs: every type, random blocks, bit for bit. */
import { expect, it } from 'vitest';
import { type GgmlTypeName, ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { gridAddress, writeGrid } from '../../src/kernels/wasm/grids.ts';
import { compileKernels, instantiateKernels } from '../../src/kernels/wasm/kernels.ts';
import { KernelMemory } from '../../src/kernels/wasm/memory.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';
import { random } from '../random.ts';

const types = Object.keys(ggmlTypes) as GgmlTypeName[];

/** Where the float16 (or other) scales of a block lie, so that random blocks get sensible ones. */
const f16At: Partial<Record<GgmlTypeName, number[]>> = {
  Q2_K: [80, 82],
  Q3_K: [108],
  Q6_K: [208],
  TQ1_0: [52],
  TQ2_0: [64],
  Q4_1: [0, 2],
  Q5_1: [0, 2],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  MXFP4: [],
  NVFP4: [],
  IQ1_M: [],
};

const kernels = compileKernels(false).then(async ({ module }) => {
  const memory = new KernelMemory(new WebAssembly.Memory({ initial: 16, maximum: 65536 }));
  return { memory, unpackRow: (await instantiateKernels(module, memory.memory)).unpackRow };
});

it.each(types)('%s', async (name) => {
  const { memory, unpackRow } = await kernels;
  const { blockSize, blockBytes, id } = ggmlTypes[name];
  const blocks = blockSize === 1 ? 1003 : 24;
  const next = random(id + 1);
  const bytes = Uint8Array.from({ length: blocks * blockBytes }, () => Math.floor(next() * 256));
  for (let block = 0; block < blocks && blockSize > 1; block++) {
    // Scales: f16 between 2⁻¹⁴ and 2, both signs; now and then zero or subnormal. Q8_K has a float32.
    for (const at of f16At[name] ?? [0]) {
      const bits = block % 7 === 3 ? Math.floor(next() * 40) : Math.floor(next() * 0x3c00) + 0x400;
      new DataView(bytes.buffer).setUint16(block * blockBytes + at, bits | (next() < 0.5 ? 0x8000 : 0), true);
    }
    if (name === 'Q8_K') new DataView(bytes.buffer).setFloat32(block * blockBytes, next() - 0.5, true);
  }
  const n = blocks * blockSize;
  const expected = new Float32Array(n);
  codecs[name].dequantize(bytes, expected, n);
  const [from, to] = [65536, 262144];
  writeGrid(name, memory);
  memory.bytes(from, bytes.length).set(bytes);
  unpackRow({ type: id, from, to, n, tables: gridAddress(name) });
  // Zeros have no sign here: + 0 takes it away.
  const withoutSign = (values: Float32Array) => values.map((value) => value + 0);
  expect(withoutSign(memory.f32.slice(to / 4, to / 4 + n))).toEqual(withoutSign(expected));
});
