/**
 * @file Keys of RoPE's scaling in layers with a window. `attn_factor` multiplies cosines and sines, so that a score grows with its
 * square: the same model without the key and with queries and keys that much larger gives the same vectors.
 */
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { loadModel } from '../../src/models/index.ts';
import { pack } from '../kernels/graphs.ts';
import { cosine } from '../vectors.ts';
import { type Edit, edited } from './edit.ts';

const factor = 1.7;
const ids = Array.from({ length: 40 }, (_, i) => 5 + ((i * 7) % 50));

async function vector(name: string, change: (edit: Edit) => void): Promise<Float32Array> {
  const backend = await createReferenceBackend();
  const model = await loadModel(await edited(name, change), backend);
  backend.ops.begin(pack([ids]));
  return backend.ops.read(model.pool(backend.ops, model.forward(backend.ops), 'mean'));
}

const setFactor = (edit: Edit, arch: string) =>
  edit.values.set(`${arch}.rope.scaling.attn_factor`, { type: 'float32', value: factor });

/** Queries and keys `factor` times as large: by the weights of their norms, or by the rows of the fused projection. */
function enlarge(edit: Edit): void {
  for (const [name, { shape }] of [...edit.tensors]) {
    const values = edit.floats(name);
    if (/attn_[qk]_norm\.weight$/.test(name)) {
      edit.setFloats(
        name,
        shape,
        values.map((value) => value * factor),
      );
    } else if (/attn_qkv\.weight$/.test(name)) {
      const both = (values.length * 2) / 3;
      edit.setFloats(
        name,
        shape,
        values.map((value, i) => (i < both ? value * factor : value)),
      );
    }
  }
}

describe.each(['gemma3', 'gemma-embedding', 'modern-bert', 'qwen3'])('%s', (name) => {
  it('scales the scores of every layer by attn_factor', async () => {
    const scaled = await vector(name, (edit) => setFactor(edit, name));
    const expected = await vector(name, enlarge);
    const plain = await vector(name, () => {});
    expect(1 - cosine(scaled, expected)).toBeLessThan(1e-9);
    expect(1 - cosine(scaled, plain)).toBeGreaterThan(1e-5);
  });
});

it.each(['gemma3', 'gemma-embedding', 'modern-bert'])(
  '%s with YaRN stretches the layers without a window only, and the magnitude of the others is that of attn_factor',
  async (name) => {
    const yarn = (edit: Edit) => {
      edit.values.set(`${name}.rope.scaling.type`, { type: 'string', value: 'yarn' });
      edit.values.set(`${name}.rope.scaling.factor`, { type: 'float32', value: 4 });
      // Every layer has a window.
      edit.values.set(`${name}.attention.sliding_window_pattern`, { type: 'uint32', value: 0 });
    };
    // mscale / (1 + 0.1 ln 4) = 1, so that windowed layers are as without YaRN.
    const stretched = await vector(name, yarn);
    const plain = await vector(name, (edit) =>
      edit.values.set(`${name}.attention.sliding_window_pattern`, { type: 'uint32', value: 0 }),
    );
    expect(1 - cosine(stretched, plain)).toBeLessThan(1e-9);
  },
);
