/**
 * @file Vision towers of checkouts in the layout of the real ones: made of the tensors of the fixtures' towers under their names in
 * PyTorch, they become those towers again, key by key and value by value.
 */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import type { OutputType } from '../../src/convert/output-types.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { outlineTower } from '../../src/models/vision/index.ts';
import { openFixture } from '../models/support.ts';

type Json = Record<string, unknown>;
interface Layout {
  readonly config: Json;
  readonly preprocessor: Json;
  /** From the names of the file to those of the checkpoint; the first that fits. */
  readonly names: readonly (readonly [from: RegExp, to: string])[];
  readonly joinsQkv?: boolean;
}

const clip = {
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};
const half = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
const qwen2Layers = [
  [/^v\.patch_embd\./, 'visual.patch_embed.proj.'],
  [/^v\.blk\.(\d+)\.ln([12])\./, 'visual.blocks.$1.norm$2.'],
  [/^v\.blk\.(\d+)\.attn_qkv\./, 'visual.blocks.$1.attn.qkv.'],
  [/^v\.blk\.(\d+)\.attn_out\./, 'visual.blocks.$1.attn.proj.'],
  [/^v\.post_ln\./, 'visual.merger.ln_q.'],
  [/^mm\.(\d)\./, 'visual.merger.mlp.$1.'],
] as const;

const layouts: Record<'qwen3vl' | 'qwen25vl' | 'qwen2vl' | 'gemma3', Layout> = {
  qwen3vl: {
    config: {
      architectures: ['Qwen3VLForConditionalGeneration'],
      model_type: 'qwen3_vl',
      text_config: { hidden_size: 64, rms_norm_eps: 1e-6 },
      vision_config: {
        deepstack_visual_indexes: [0, 2],
        depth: 4,
        hidden_act: 'gelu_pytorch_tanh',
        hidden_size: 48,
        intermediate_size: 96,
        num_heads: 3,
        num_position_embeddings: 144,
        out_hidden_size: 64,
        patch_size: 16,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
      },
    },
    preprocessor: half,
    names: [
      [/^v\.patch_embd\./, 'model.visual.patch_embed.proj.'],
      [/^v\.position_embd\./, 'model.visual.pos_embed.'],
      [/^v\.blk\.(\d+)\.ln([12])\./, 'model.visual.blocks.$1.norm$2.'],
      [/^v\.blk\.(\d+)\.attn_qkv\./, 'model.visual.blocks.$1.attn.qkv.'],
      [/^v\.blk\.(\d+)\.attn_out\./, 'model.visual.blocks.$1.attn.proj.'],
      [/^v\.blk\.(\d+)\.ffn_up\./, 'model.visual.blocks.$1.mlp.linear_fc1.'],
      [/^v\.blk\.(\d+)\.ffn_down\./, 'model.visual.blocks.$1.mlp.linear_fc2.'],
      [/^v\.deepstack\.0\.fc/, 'model.visual.deepstack_merger_list.0.linear_fc'],
      [/^v\.deepstack\.2\.fc/, 'model.visual.deepstack_merger_list.1.linear_fc'],
      [/^v\.deepstack\.0\./, 'model.visual.deepstack_merger_list.0.'],
      [/^v\.deepstack\.2\./, 'model.visual.deepstack_merger_list.1.'],
      [/^v\.post_ln\./, 'model.visual.merger.norm.'],
      [/^mm\.0\./, 'model.visual.merger.linear_fc1.'],
      [/^mm\.2\./, 'model.visual.merger.linear_fc2.'],
    ],
  },
  qwen25vl: {
    config: {
      architectures: ['Qwen2_5_VLForConditionalGeneration'],
      model_type: 'qwen2_5_vl',
      hidden_size: 64,
      rms_norm_eps: 1e-6,
      vision_config: {
        depth: 4,
        hidden_act: 'silu',
        hidden_size: 64,
        intermediate_size: 96,
        num_heads: 4,
        out_hidden_size: 64,
        patch_size: 14,
        window_size: 112,
        fullatt_block_indexes: [1, 3],
      },
    },
    preprocessor: clip,
    joinsQkv: true,
    names: [...qwen2Layers, [/^v\.blk\.(\d+)\.ffn_(gate|up|down)\./, 'visual.blocks.$1.mlp.$2_proj.']],
  },
  qwen2vl: {
    config: {
      architectures: ['Qwen2VLForConditionalGeneration'],
      model_type: 'qwen2_vl',
      hidden_size: 64,
      rms_norm_eps: 1e-6,
      vision_config: {
        depth: 3,
        embed_dim: 48,
        hidden_act: 'quick_gelu',
        hidden_size: 64,
        mlp_ratio: 128 / 48,
        num_heads: 3,
        patch_size: 14,
      },
    },
    preprocessor: clip,
    joinsQkv: true,
    names: [
      ...qwen2Layers,
      [/^v\.blk\.(\d+)\.ffn_up\./, 'visual.blocks.$1.mlp.fc1.'],
      [/^v\.blk\.(\d+)\.ffn_down\./, 'visual.blocks.$1.mlp.fc2.'],
    ],
  },
  gemma3: {
    config: {
      architectures: ['Gemma3ForConditionalGeneration'],
      model_type: 'gemma3',
      mm_tokens_per_image: 16,
      text_config: { hidden_size: 64, rms_norm_eps: 1e-5 },
      vision_config: {
        hidden_act: 'gelu_pytorch_tanh',
        hidden_size: 48,
        image_size: 168,
        intermediate_size: 112,
        layer_norm_eps: 1e-6,
        num_attention_heads: 3,
        num_hidden_layers: 3,
        patch_size: 14,
      },
    },
    preprocessor: half,
    names: [
      [/^v\.patch_embd\./, 'vision_tower.vision_model.embeddings.patch_embedding.'],
      [/^v\.position_embd\./, 'vision_tower.vision_model.embeddings.position_embedding.'],
      [/^v\.blk\.(\d+)\.ln([12])\./, 'vision_tower.vision_model.encoder.layers.$1.layer_norm$2.'],
      [/^v\.blk\.(\d+)\.attn_([qkv])\./, 'vision_tower.vision_model.encoder.layers.$1.self_attn.$2_proj.'],
      [/^v\.blk\.(\d+)\.attn_out\./, 'vision_tower.vision_model.encoder.layers.$1.self_attn.out_proj.'],
      [/^v\.blk\.(\d+)\.ffn_up\./, 'vision_tower.vision_model.encoder.layers.$1.mlp.fc1.'],
      [/^v\.blk\.(\d+)\.ffn_down\./, 'vision_tower.vision_model.encoder.layers.$1.mlp.fc2.'],
      [/^v\.post_ln\./, 'vision_tower.vision_model.post_layernorm.'],
      [/^mm\.soft_emb_norm\./, 'multi_modal_projector.mm_soft_emb_norm.'],
      [/^mm\.input_projection\.weight/, 'multi_modal_projector.mm_input_projection_weight'],
    ],
  },
};

interface Tensor {
  shape: number[];
  values: Float32Array;
}

async function tensorsOf(file: GgufFile): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const info of file.tensors.values()) {
    const bytes = new Uint8Array(info.byteLength);
    await file.readTensor(info, 0, bytes);
    tensors.set(info.name, { shape: info.shape.toReversed(), values: new Float32Array(bytes.buffer) });
  }
  return tensors;
}

/** The tensors as PyTorch has them: frames in one kernel, queries, keys and values in one matrix, norms around 0. */
function asCheckpoint(tensors: Map<string, Tensor>, { names, joinsQkv }: Layout): Map<string, Tensor> {
  const second = tensors.get('v.patch_embd.weight.1');
  if (second !== undefined) {
    const first = tensors.get('v.patch_embd.weight')!;
    const [nOut, channels, height, width] = first.shape;
    const size = height * width;
    const values = new Float32Array(2 * first.values.length);
    for (let i = 0; i < nOut * channels; i++) {
      values.set(first.values.subarray(i * size, (i + 1) * size), 2 * i * size);
      values.set(second.values.subarray(i * size, (i + 1) * size), (2 * i + 1) * size);
    }
    tensors.set('v.patch_embd.weight', { shape: [nOut, channels, 2, height, width], values });
    tensors.delete('v.patch_embd.weight.1');
  }
  if (joinsQkv) {
    for (const name of [...tensors.keys()].filter((key) => key.includes('.attn_q.'))) {
      const parts = ['attn_q', 'attn_k', 'attn_v'].map((part) => name.replace('attn_q', part));
      const all = parts.map((part) => tensors.get(part)!);
      const [rows, ...rest] = all[0].shape;
      const values = Float32Array.from(all.flatMap((tensor) => [...tensor.values]));
      tensors.set(name.replace('attn_q', 'attn_qkv'), { shape: [3 * rows, ...rest], values });
      for (const part of parts) tensors.delete(part);
    }
  }
  const norm = tensors.get('mm.soft_emb_norm.weight');
  // Bits that are lost here are made up for below, where the values are compared.
  if (norm !== undefined) norm.values = norm.values.map((value) => value - 1);
  const named = new Map<string, Tensor>();
  for (const [name, tensor] of tensors) {
    const rule = names.find(([from]) => from.test(name));
    if (rule === undefined) throw new Error(`no name for ${name}`);
    named.set(name.replace(...rule), tensor);
  }
  return named;
}

function safetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const header: Json = {};
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += values.byteLength)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  let at = 8 + json.length;
  for (const { values } of tensors.values()) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return bytes;
}

/** A checkout with the tower of a fixture, beside a tensor of a text model. */
async function checkout(name: keyof typeof layouts, change: (layout: Layout) => Layout = (layout) => layout) {
  const layout = change(structuredClone({ ...layouts[name], names: [] }) as Layout);
  const folder = join(mkdtempSync(join(tmpdir(), 'vision-')), name);
  mkdirSync(folder);
  const tensors = await tensorsOf(await openFixture(`multimodal/models/mmproj-${name}.gguf`));
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
    const [made, wanted] = [
      await converted(await checkout(name)),
      await openFixture(`multimodal/models/mmproj-${name}.gguf`),
    ];
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

  it('keeps kernels and positions in float32 but in F16', async () => {
    const folder = await checkout(name);
    for (const [type, kernels] of [
      ['F16', 'F16'],
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
    'a vision tower of this class should have no such tensor',
    'qwen2vl',
    (layout) => ({ ...layout, names: [[/^mm\.0\./, 'visual.other.']] }),
  ],
])('%s', async (message, name, change) => {
  await expect(converted(await checkout(name, change))).rejects.toThrow(message);
});
