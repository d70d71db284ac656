/**
 * @file Checkouts in the layout of the real ones of models that see images: the tensors of the fixtures' towers under their names in PyTorch.
 */
import type { GgufFile } from '../../src/gguf/index.ts';

export type Json = Record<string, unknown>;
export interface Layout {
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

export const layouts: Record<'qwen3vl' | 'qwen25vl' | 'qwen2vl' | 'gemma3' | 'idefics3', Layout> = {
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
  idefics3: {
    config: {
      architectures: ['Idefics3ForConditionalGeneration'],
      model_type: 'idefics3',
      image_token_id: 1357,
      scale_factor: 3,
      text_config: { hidden_size: 64, model_type: 'llama', rms_norm_eps: 1e-5 },
      vision_config: {
        hidden_size: 48,
        image_size: 48,
        intermediate_size: 80,
        layer_norm_eps: 1e-6,
        model_type: 'idefics3_vision',
        num_attention_heads: 3,
        num_hidden_layers: 2,
        patch_size: 8,
        size: { longest_edge: 144 },
      },
    },
    preprocessor: {
      ...half,
      do_image_splitting: true,
      max_image_size: { longest_edge: 48 },
      size: { longest_edge: 144 },
    },
    names: [
      [/^v\.patch_embd\./, 'model.vision_model.embeddings.patch_embedding.'],
      [/^v\.position_embd\./, 'model.vision_model.embeddings.position_embedding.'],
      [/^v\.blk\.(\d+)\.ln([12])\./, 'model.vision_model.encoder.layers.$1.layer_norm$2.'],
      [/^v\.blk\.(\d+)\.attn_([qkv])\./, 'model.vision_model.encoder.layers.$1.self_attn.$2_proj.'],
      [/^v\.blk\.(\d+)\.attn_out\./, 'model.vision_model.encoder.layers.$1.self_attn.out_proj.'],
      [/^v\.blk\.(\d+)\.ffn_up\./, 'model.vision_model.encoder.layers.$1.mlp.fc1.'],
      [/^v\.blk\.(\d+)\.ffn_down\./, 'model.vision_model.encoder.layers.$1.mlp.fc2.'],
      [/^v\.post_ln\./, 'model.vision_model.post_layernorm.'],
      [/^mm\.model\.fc\./, 'model.connector.modality_projection.proj.'],
    ],
  },
};

/** The file of a fixture's tower. */
export const towerFixture = (name: keyof typeof layouts) =>
  name === 'idefics3' ? 'idefics3/mmproj.gguf' : `multimodal/models/mmproj-${name}.gguf`;

export interface Tensor {
  shape: number[];
  values: Float32Array;
}

export async function tensorsOf(file: GgufFile): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const info of file.tensors.values()) {
    const bytes = new Uint8Array(info.byteLength);
    await file.readTensor(info, 0, bytes);
    tensors.set(info.name, { shape: info.shape.toReversed(), values: new Float32Array(bytes.buffer) });
  }
  return tensors;
}

/** The tensors as PyTorch has them: frames in one kernel, queries, keys and values in one matrix, norms around 0. */
export function asCheckpoint(tensors: Map<string, Tensor>, { names, joinsQkv }: Layout): Map<string, Tensor> {
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

export function safetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
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
