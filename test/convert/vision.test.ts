/**
 * @file Vision towers of checkouts in the layout of the real ones: made of the tensors of the fixtures' towers under their names in
 * PyTorch, they become those towers again, key by key and value by value.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import type { OutputType } from '../../src/convert/output-types.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { outlineTower } from '../../src/models/vision/index.ts';
import { openFixture } from '../models/support.ts';
import {
  asCheckpoint,
  type Json,
  type Layout,
  layouts,
  safetensors,
  tensorsOf,
  towerFixture,
} from './vision-layouts.ts';

/** A checkout with the tower of a fixture, beside a tensor of a text model. */
async function checkout(name: keyof typeof layouts, change: (layout: Layout) => Layout = (layout) => layout) {
  const layout = change(structuredClone({ ...layouts[name], names: [] }) as Layout);
  const folder = join(mkdtempSync(join(tmpdir(), 'vision-')), name);
  mkdirSync(folder);
  const tensors = await tensorsOf(await openFixture(towerFixture(name)));
  const all = asCheckpoint(tensors, { ...layout, names: [...layout.names, ...layouts[name].names] });
  all.set('model.language_model.embed_tokens.weight', { shape: [2, 3], values: new Float32Array(6) });
  writeFileSync(join(folder, 'model.safetensors'), safetensors(all));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(layout.config));
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(layout.preprocessor));
  return folder;
}

async function converted(folder: string, type: OutputType = 'F32'): Promise<GgufFile> {
  const output = join(folder, '..', 'mmproj.gguf');
  await convertFolder(folder, output, type, { vision: true });
  return openGguf(memorySource(new Uint8Array(readFileSync(output)), 'mmproj.gguf'));
}

describe.each(Object.keys(layouts) as (keyof typeof layouts)[])('%s', (name) => {
  it('becomes the tower of the fixture again', async () => {
    const [made, wanted] = [await converted(await checkout(name)), await openFixture(towerFixture(name))];
    const about = /^general\.(name|basename|size_label|finetune)$/;
    const keys = (file: GgufFile) =>
      Object.fromEntries(
        [...file.metadata.keys()].filter((key) => !about.test(key)).map((key) => [key, file.metadata.typed(key)]),
      );
    expect(keys(made)).toEqual(keys(wanted));
    const [ours, theirs] = [await tensorsOf(made), await tensorsOf(wanted)];
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
    for (const [tensor, { shape, values }] of theirs) {
      expect(ours.get(tensor)!.shape, tensor).toEqual(shape);
      if (tensor !== 'mm.soft_emb_norm.weight') expect(ours.get(tensor)!.values, tensor).toEqual(values);
      else
        values.forEach((value, i) => {
          expect(Math.abs(ours.get(tensor)!.values[i] - value)).toBeLessThan(2e-7);
        });
    }
    expect(outlineTower(made).width).toBe(outlineTower(wanted).width);
  });

  it('keeps kernels and positions in float32, but most kernels in F16', async () => {
    const folder = await checkout(name);
    for (const [type, kernels] of [
      ['F16', name === 'idefics3' ? 'F32' : 'F16'],
      ['BF16', 'F32'],
      ['Q8_0', 'F32'],
    ] as const) {
      const file = await converted(folder, type);
      expect(file.tensors.get('v.patch_embd.weight')?.type.name).toBe(kernels);
      expect(file.tensors.get('v.position_embd.weight')?.type.name ?? 'F32').toBe('F32');
      expect(file.tensors.get('v.blk.0.ln1.weight')?.type.name).toBe('F32');
      outlineTower(file);
    }
  });
});

it.each<[string, keyof typeof layouts, (layout: Layout) => Layout]>([
  [
    'the class BertModel has no vision tower that is known; known are Qwen2VLForConditionalGeneration',
    'qwen2vl',
    (layout) => ({ ...layout, config: { ...layout.config, architectures: ['BertModel'] } }),
  ],
  [
    'vision_config is missing',
    'qwen2vl',
    (layout) => ({ ...layout, config: { ...layout.config, vision_config: null } }),
  ],
  ['image_std is undefined', 'qwen2vl', (layout) => ({ ...layout, preprocessor: { image_mean: [1, 2, 3] } })],
  [
    'hidden_act is "relu"',
    'gemma3',
    ({ config, ...layout }) => ({
      ...layout,
      config: { ...config, vision_config: { ...(config.vision_config as Json), hidden_act: 'relu' } },
    }),
  ],
  [
    'longest_edge is "2048"; a whole number was expected',
    'idefics3',
    ({ preprocessor, ...layout }) => ({ ...layout, preprocessor: { ...preprocessor, size: { longest_edge: '2048' } } }),
  ],
  [
    'hidden_act is "gelu"',
    'idefics3',
    ({ config, ...layout }) => ({
      ...layout,
      config: { ...config, vision_config: { ...(config.vision_config as Json), hidden_act: 'gelu' } },
    }),
  ],
  [
    'fullatt_block_indexes is [1,2]',
    'qwen25vl',
    ({ config, ...layout }) => ({
      ...layout,
      config: { ...config, vision_config: { ...(config.vision_config as Json), fullatt_block_indexes: [1, 2] } },
    }),
  ],
  [
    'deepstack_visual_indexes names no such layer',
    'qwen3vl',
    ({ config, ...layout }) => ({
      ...layout,
      config: { ...config, vision_config: { ...(config.vision_config as Json), deepstack_visual_indexes: [0] } },
    }),
  ],
  [
    'depth or num_hidden_layers is 1000000000; at most 512 are supported',
    'qwen3vl',
    ({ config, ...layout }) => ({
      ...layout,
      config: { ...config, vision_config: { ...(config.vision_config as Json), depth: 1e9 } },
    }),
  ],
  [
    'a vision tower of this class should have no such tensor',
    'qwen2vl',
    (layout) => ({ ...layout, names: [[/^mm\.0\./, 'visual.other.']] }),
  ],
])('%s', async (message, name, change) => {
  await expect(converted(await checkout(name, change))).rejects.toThrow(message);
});

it('kernels of very many frames that hold no values are refused', async () => {
  const folder = await checkout('qwen2vl');
  const path = join(folder, 'model.safetensors');
  const bytes = readFileSync(path);
  const size = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + size)) as Record<string, Json>;
  const name = Object.keys(header).find((tensor) => tensor.includes('patch_embed'))!;
  header[name] = { ...header[name], shape: [0, 3, 1e9, 1, 1], data_offsets: [0, 0] };
  const changed = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(changed.length));
  writeFileSync(path, Buffer.concat([length, changed, bytes.subarray(8 + size)]));
  await expect(converted(folder)).rejects.toThrow(
    `tensor ${name}: its shape is [0, 3, 1000000000, 1, 1], which has no`,
  );
});

/** Keys of SmolVLM's tower that a change of its checkout makes. */
async function smolKeys(change: (layout: Layout) => Layout, files: Json = {}): Promise<Record<string, unknown>> {
  const folder = await checkout('idefics3', change);
  for (const [file, content] of Object.entries(files)) {
    if (content === null) rmSync(join(folder, file));
    else writeFileSync(join(folder, file), JSON.stringify(content));
  }
  const { metadata } = await converted(folder);
  return Object.fromEntries([...metadata.keys()].map((key) => [key.replace('clip.vision.', ''), metadata.get(key)]));
}

it('takes what the transformers library assumes for Idefics3', async () => {
  const keys = await smolKeys(({ config, ...layout }) => {
    const { vision_config, scale_factor, ...rest } = config as Record<string, Json>;
    const { layer_norm_eps, num_attention_heads, num_hidden_layers, ...vision } = vision_config;
    return {
      ...layout,
      config: {
        ...rest,
        architectures: ['SmolVLMForConditionalGeneration'],
        model_type: 'smolvlm',
        vision_config: vision,
      },
    };
  });
  expect(keys).toMatchObject({
    'attention.head_count': 16,
    block_count: 12,
    'projector.scale_factor': 2,
    'clip.projector_type': 'idefics3',
  });
  expect(keys['attention.layer_norm_epsilon']).toBeCloseTo(1e-6, 12);
});

it('reads how images are prepared from the config of the processor, too', async () => {
  const { preprocessor } = layouts.idefics3;
  const own = { image_processor: { ...preprocessor, size: { longest_edge: 96 } }, image_seq_len: 4 };
  const both = await smolKeys((layout) => layout, { 'processor_config.json': own });
  expect(both.preproc_image_size).toBe(96);
  const newer = await smolKeys((layout) => layout, { 'processor_config.json': own, 'preprocessor_config.json': null });
  expect(newer).toEqual(both);
  const { size, ...without } = preprocessor;
  expect((await smolKeys((layout) => ({ ...layout, preprocessor: without }))).preproc_image_size).toBe(48);
});
