/**
 * @file The metadata keys that determine the shape of a tensor, for errors about missing tensors and wrong shapes.
 */
import { printable } from '../gguf/errors.ts';
import type { Keys } from './keys.ts';

const heads = ['attention.head_count', 'attention.head_count_kv', 'attention.key_length', 'attention.value_length'];

/** By a part of the tensor's name; `embedding_length` always applies. */
const rules: readonly (readonly [name: RegExp, keys: readonly string[]])[] = [
  [/^token_embd\./, ['tokenizer.ggml.tokens']],
  [/^token_types\./, ['tokenizer.ggml.token_type_count']],
  [/^position_embd\./, ['context_length']],
  [/\.attn_(q|k|v|qkv|o|output)\./, heads],
  [/\.attn_[qk]_norm\./, heads.slice(0, 3)],
  [/\.attn_rel_[kq]\./, ['attention.relative_buckets_count']],
  [/\.attn_rel_b\./, ['attention.head_count', 'attention.relative_buckets_count']],
  [/\.ffn_(gate|up|down)(_exps)?\./, ['feed_forward_length']],
  [/\.ffn_(gate_inp|(gate|up|down)_exps)\./, ['expert_count']],
  [/^cls(\.output)?\./, ['classifier.output_labels']],
  [/\.shortconv\.conv\./, ['shortconv.l_cache']],
  [/^conv\./, ['conv.kernel_size']],
  [/^dense_2\./, ['dense_2_feat_out']],
  [/^dense_3\./, ['dense_3_feat_in']],
  [/^rope_freqs\./, ['rope.dimension_count', 'attention.key_length']],
];

/** `bert.embedding_length: 64, bert.attention.key_length: not set` */
export function describeSizes(tensor: string, keys: Keys): string {
  const layer = Number(/blk\.(\d+)\./.exec(tensor)?.[1] ?? 0);
  const own = rules.flatMap(([name, list]) => (name.test(tensor) ? list : []));
  return ['embedding_length', ...own]
    .map((key) => {
      const whole = key.startsWith('tokenizer.') ? key : keys.name(key);
      return `${whole}: ${shown(keys, whole, layer)}`;
    })
    .join(', ');
}

/** Formats a value: a number, the element for the layer, or the number of strings. */
function shown({ metadata }: Keys, key: string, layer: number): string {
  const type = metadata.valueType(key);
  if (type === undefined) return 'not set';
  if (type !== 'array') return printable(String(metadata.get(key)));
  const { elementType, values } = metadata.array(key)!;
  return String(elementType === 'string' ? values.length : values[layer]);
}
