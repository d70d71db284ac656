/** @file The bytes of a layer that docs/webgpu.md states. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { layerBytes, nullOptions } from '../../bench/gpu/layer-bytes.mjs';
import { layerShapes } from '../../bench/gpu/layers.mjs';
import { ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { createWebGpuBackend } from '../../src/kernels/webgpu/index.ts';
import { describeGpu } from '../kernels/webgpu/support.ts';

const page = readFileSync(new URL('../../docs/webgpu.md', import.meta.url), 'utf8');
const cellsOf = (first: string) => {
  const line = page.split('\n').find((row) => row.startsWith(`| ${first} |`));
  return line!
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());
};

describeGpu('the bytes of a layer', () => {
  it('are those of the table in docs/webgpu.md', async () => {
    // The object must live as long as its devices.
    const dawn = (await import('webgpu' as string)) as { create(options: string[]): GPU };
    const gpu = dawn.create(nullOptions);
    const stated = { 'product for them': 'linear qkv', attention: 'attention', all: '' };
    const found = new Map<string, string[]>(Object.keys(stated).map((row) => [row, []]));
    for (const shape of Object.values(layerShapes)) {
      const options = { precision: 'fast', strategy: 'float', type: 'F16' } as const;
      const bytes = await layerBytes(gpu, createWebGpuBackend, ggmlTypes, shape, options);
      for (const [row, what] of Object.entries(stated)) {
        const sum = [...bytes].reduce((total, [label, n]) => total + (what === '' || label === what ? n : 0), 0);
        found.get(row)!.push(((8192 * sum) / 1e6).toFixed(0));
      }
    }
    for (const [row, megabytes] of found) {
      expect(megabytes, row).toEqual(cellsOf(row));
    }
  });
});
