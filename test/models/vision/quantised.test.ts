/** @file Towers whose matrices are quantised give nearly the rows of their source, and those of the reference on wasm. */
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../../src/kernels/wasm/index.ts';
import type { TargetTypeName } from '../../../src/quantize/types.ts';
import { cosine } from '../../vectors.ts';
import { openFixture } from '../support.ts';
import { quantisedTower as quantised, towerRows as rows } from './quantised-tower.ts';
import { pairNames } from './support.ts';

describe.each(pairNames)('%s', (name) => {
  const exact = openFixture(`multimodal/models/mmproj-${name}.gguf`).then(async (file) =>
    rows(file, await createReferenceBackend()),
  );

  it.each<[TargetTypeName, number]>([
    ['F16', 1e-5],
    ['BF16', 1e-3],
    ['Q8_0', 1e-3],
    ['Q6_K', 1e-2],
    ['Q4_K_M', 5e-2],
  ])('%s', async (type, most) => {
    const file = await quantised(name, type);
    const reference = await rows(file, await createReferenceBackend());
    expect(1 - cosine(reference, await exact)).toBeLessThan(most);
    expect(1 - cosine(await rows(file, await createWasmBackend()), reference)).toBeLessThan(1e-5);
  });
});

it('the types are those of llama-quantize: positions and kernels stay, more bits where rows allow', async () => {
  const { tensors } = await quantised('qwen25vl', 'Q4_K_M');
  const type = (name: string) => tensors.get(name)?.type.name;
  expect(type('v.patch_embd.weight')).toBe('F32');
  expect(type('mm.0.weight')).toBe('Q4_K');
  expect(type('v.blk.0.attn_q.weight')).toBe('Q5_0');
  expect(type('v.blk.1.ffn_down.weight')).toBe('Q8_0');
  const qwen3 = await quantised('qwen3vl', 'Q8_0');
  expect(qwen3.tensors.get('v.position_embd.weight')?.type.name).toBe('F32');
});
