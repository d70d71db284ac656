/**
 * @file Reads the hyper-parameters that every architecture has. An architecture reads its own keys
 * with `Keys`.
 */
import { printable } from '../gguf/errors.ts';
import type { GgufFile, Metadata } from '../gguf/index.ts';
import { ModelError } from './errors.ts';
import { Keys } from './keys.ts';
import { isPooling, numberedPoolings, type Pooling, rowPoolings } from './pooling-types.ts';
import { type RopeParameters, readRope } from './rope.ts';

/** llama.cpp's limits. */
const maxLayers = 512;
const maxExperts = 1024;

/** The shape of a model. Lists have one entry for each layer. */
export interface HyperParameters {
  /** `general.architecture`. */
  readonly architecture: string;
  /** Context in tokens that the model was trained with. */
  readonly nCtxTrain: number;
  /** Width of the hidden states, and of what `Model.pool` returns, except for `rank`. */
  readonly nEmbd: number;
  readonly nLayer: number;
  /** Tokens in the vocabulary. */
  readonly nVocab: number;
  /** Rows of the token type table; 0 if there is none. */
  readonly nTokenType: number;
  /** Whether the tokens of the second text of a pair have token type 1; llama.cpp and its files use only type 0. */
  readonly pairTokenTypes: boolean;
  /** Width of the feed-forward layer. */
  readonly nFf: readonly number[];
  readonly nHead: readonly number[];
  /** 0 in a layer with a convolution instead of attention. */
  readonly nHeadKv: readonly number[];
  /** Width of one query or key head. */
  readonly nEmbdHeadK: number;
  /** Width of one value head. */
  readonly nEmbdHeadV: number;
  /** Whether a token sees only itself and earlier ones, from the file. Encoders ignore it: their tokens see all. */
  readonly causal: boolean;
  /** Pooling from the file; `none` if the key is missing. */
  readonly pooling: Pooling;
  /** Whether the tokens of a prompt are pooled. */
  readonly poolsPrompt: boolean;
  readonly nExpert: number;
  readonly nExpertUsed: number;
  readonly rope: RopeParameters;
  /** Labels of the classifier's outputs; empty if the key is missing. */
  readonly labels: readonly string[];
  /** Outputs of the classifier: one for each label, 1 without labels. */
  readonly nClsOut: number;
}

/**
 * `general.architecture`.
 * @throws ModelError if the file has none
 */
export function readArchitecture(metadata: Metadata): string {
  const key = 'general.architecture';
  const architecture = metadata.string(key);
  if (architecture === undefined) throw new ModelError(`${key} is missing from the metadata`, { key });
  return architecture;
}

/**
 * Reads the hyper-parameters.
 * @param architecture of the file: without layers, it needs no keys about layers and heads
 * @throws ModelError for a missing key or an invalid value, GgufError for a key of another type
 */
export function readHyperParameters(
  file: GgufFile,
  { hasLayers = true, hasConvolutions = false }: { hasLayers?: boolean; hasConvolutions?: boolean } = {},
): HyperParameters {
  const { metadata } = file;
  const architecture = readArchitecture(metadata);
  const keys = new Keys(metadata, architecture);
  const nLayer = hasLayers ? positive(keys, 'block_count') : 0;
  if (nLayer > maxLayers) throw keys.error('block_count', `is ${nLayer}; at most ${maxLayers} layers are supported`);
  const nEmbd = positive(keys, 'embedding_length');
  const zeros = new Array<number>(nLayer).fill(0);
  const nHead = keys.perLayer('attention.head_count', nLayer, zeros);
  const nHeadKv = keys.perLayer('attention.head_count_kv', nLayer, nHead);
  for (let il = 0; il < nLayer; il++) {
    if (nHead[il] === 0) throw keys.error('attention.head_count', `is missing or 0 in layer ${il}`);
    if (nHeadKv[il] === 0 && hasConvolutions) continue;
    if (nHeadKv[il] === 0 || nHead[il] % nHeadKv[il] !== 0) {
      throw keys.error(
        'attention.head_count_kv',
        `is ${nHeadKv[il]}, which does not divide the ${nHead[il]} heads of layer ${il}`,
      );
    }
  }
  const headSize = hasLayers ? Math.floor(nEmbd / nHead[0]) : nEmbd;
  const nEmbdHeadK = positive(keys, 'attention.key_length', headSize);
  const nEmbdHeadV = positive(keys, 'attention.value_length', headSize);
  const nCtxTrain = positive(keys, 'context_length');
  const rope = readRope(keys, nEmbdHeadK, nCtxTrain);
  mustEqual(keys, 'attention.key_length_swa', nEmbdHeadK);
  mustEqual(keys, 'attention.value_length_swa', nEmbdHeadV);
  mustEqual(keys, 'rope.dimension_count_swa', rope.nRot);
  const nTokenType = metadata.u32('tokenizer.ggml.token_type_count') ?? 0;
  const labels = metadata.strings(keys.name('classifier.output_labels'));
  return {
    architecture,
    nCtxTrain,
    nEmbd,
    nLayer,
    nVocab: metadata.strings('tokenizer.ggml.tokens')?.length ?? positive(keys, 'vocab_size'),
    nTokenType,
    pairTokenTypes: readPairTokenTypes(metadata, nTokenType),
    nFf: keys.perLayer('feed_forward_length', nLayer, zeros),
    nHead,
    nHeadKv,
    nEmbdHeadK,
    nEmbdHeadV,
    causal: keys.bool('attention.causal', true),
    pooling: readPooling(keys),
    poolsPrompt: metadata.bool('gguf_embed.pooling.include_prompt') ?? true,
    ...readExperts(keys, nLayer),
    rope,
    labels: labels === undefined ? [] : Array.from({ length: labels.length }, (_, i) => labels.at(i)),
    nClsOut: labels?.length || 1,
  };
}

function readPairTokenTypes(metadata: Metadata, nTokenType: number): boolean {
  const key = 'gguf_embed.pair_token_types';
  const value = metadata.bool(key) ?? false;
  if (value && nTokenType < 2) {
    throw new ModelError(`${key} is true, but the model has ${nTokenType} token types, not 2`, { key });
  }
  return value;
}

function positive(keys: Keys, key: string, fallback?: number): number {
  const value = keys.u32(key, fallback);
  if (value === 0) throw keys.error(key, 'is 0');
  return value;
}

/** The format allows another head size in layers with a window; no embedding model uses it. */
function mustEqual(keys: Keys, key: string, value: number): void {
  const own = keys.u32(key, value);
  if (own !== value) throw keys.error(key, `is ${own}, but must be ${value}, as in the layers without a window`);
}

/** Ways to pool that `pooling_type` has no number for: several, or others. */
const POOLING_KEY = 'gguf_embed.pooling.modes';

function readPooling(keys: Keys): Pooling {
  const modes = keys.metadata.strings(POOLING_KEY);
  if (modes !== undefined) {
    const joined = Array.from({ length: Math.min(modes.length, rowPoolings.length + 1) }, (_, i) => modes.at(i)).join(
      '+',
    );
    if (isPooling(joined) && joined !== 'none' && joined !== 'rank') return joined;
    const problem = `is ${printable(joined)}; it must name ways to pool, each once: ${rowPoolings.join(', ')}`;
    throw new ModelError(`${POOLING_KEY} ${problem}`, { key: POOLING_KEY });
  }
  const type = keys.u32('pooling_type', 0);
  if (type >= numberedPoolings.length) {
    throw keys.error(
      'pooling_type',
      `is ${type}; supported are ${numberedPoolings.map((name, i) => `${i} (${name})`).join(', ')}`,
    );
  }
  return numberedPoolings[type];
}

function readExperts(keys: Keys, nLayer: number): { nExpert: number; nExpertUsed: number } {
  const nExpert = keys.u32('expert_count', 0);
  const used = keys.perLayer('expert_used_count', nLayer, new Array<number>(nLayer).fill(0));
  const nExpertUsed = used[0];
  if (nExpert > maxExperts)
    throw keys.error('expert_count', `is ${nExpert}; at most ${maxExperts} experts are supported`);
  if (used.some((n) => n !== nExpertUsed) || nExpertUsed > nExpert || nExpertUsed > 0 !== nExpert > 0) {
    throw keys.error('expert_used_count', `is ${used.join(', ')} of ${nExpert} experts`);
  }
  return { nExpert, nExpertUsed };
}
