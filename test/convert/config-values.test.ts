/**
 * @file Values of a config that change what the original computes: they are converted, or refused by name.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { type Metadata, memorySource, openGguf } from '../../src/gguf/index.ts';
import { unpackCheckout } from './support.ts';

type Values = Record<string, unknown>;

/** The metadata of a checkout that is converted with other values in its config. */
async function convertedWith(name: string, values: Values): Promise<Metadata> {
  const folder = unpackCheckout(name);
  const output = join(dirname(folder), 'out.gguf');
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...values }));
  try {
    await convertFolder(folder, output, 'F16');
    return (await openGguf(memorySource(readFileSync(output)))).metadata;
  } finally {
    rmSync(dirname(folder), { recursive: true });
  }
}

const linear = { rope_type: 'linear', factor: 4, rope_theta: 160000 };
const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32 };

it.each<[name: string, values: Values, message: string]>([
  ['bert-mean', { is_decoder: true }, 'is_decoder is true; the architecture bert sees the whole text'],
  ['modern-bert', { attention_bias: true }, 'attention_bias is true'],
  ['modern-bert', { mlp_bias: true }, 'mlp_bias is true'],
  ['modern-bert', { norm_bias: true }, 'norm_bias is true'],
  ['modern-bert', { layer_types: ['sliding_attention', 'full_attention'] }, 'layer_types must have full_attention'],
  ['modern-bert', { rope_parameters: { full_attention: linear } }, 'rope scaling of the type linear'],
  ['modern-bert', { rope_scaling: linear }, 'rope scaling of the type linear'],
  ['mxbai-rerank-base-v2', { rope_parameters: { ...yarn, beta_fast: 16 } }, 'beta_fast of the rope scaling is 16'],
  ['mxbai-rerank-base-v2', { rope_parameters: { ...yarn, beta_slow: 2 } }, 'beta_slow of the rope scaling is 2'],
  [
    'mxbai-rerank-base-v2',
    { rope_parameters: { ...yarn, attention_factor: 1.3 } },
    'attention_factor of the rope scaling',
  ],
  ['mxbai-rerank-base-v2', { rope_parameters: { ...yarn, mscale: 1 } }, 'mscale of the rope scaling is 1'],
  ['mxbai-rerank-base-v2', { rope_parameters: { ...yarn, truncate: false } }, 'truncate of the rope scaling is false'],
])('%s with %j is refused', async (name, values, message) => {
  await expect(convertedWith(name, values)).rejects.toThrow(message);
});

it('the epsilon of the norms of ModernBERT is norm_eps, as its model computes, also where no other is named', async () => {
  const metadata = await convertedWith('modern-bert', { norm_eps: 0.5, layer_norm_eps: undefined });
  expect(metadata.f32('modern-bert.attention.layer_norm_epsilon')).toBe(0.5);
});

const [whole, local] = ['full_attention', 'sliding_attention'];
it.each([
  [2, [whole, local, whole, local]],
  [4, [whole, local, local, local]],
  [1, [whole, whole, whole, whole]],
])('ModernBERT with one layer of %i that sees the whole text, by its layer_types', async (period, layer_types) => {
  const metadata = await convertedWith('modern-bert', { layer_types, global_attn_every_n_layers: undefined });
  expect(metadata.u32('modern-bert.attention.sliding_window_pattern')).toBe(period);
});

it('YaRN with its usual settings is converted', async () => {
  const metadata = await convertedWith('mxbai-rerank-base-v2', {
    rope_parameters: { ...yarn, beta_fast: 32, beta_slow: 1 },
  });
  expect(metadata.get('qwen2.rope.scaling.type')).toBe('yarn');
});
