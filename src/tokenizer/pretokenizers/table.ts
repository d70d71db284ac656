/**
 * @file The pre-tokenizer and the switches for each value of `tokenizer.ggml.pre`.
 */
import { TokenizerError } from '../errors.ts';
import type { Splitter } from './scanner.ts';
import { splitters } from './splitters.ts';

/** How texts are split before the merges, and related switches. */
export interface PreTokenizer {
  readonly split: Splitter;
  /** A piece that is a token is not split. */
  readonly ignoreMerges?: boolean;
  readonly addBos?: boolean;
  readonly addSep?: boolean;
  /** Default true. */
  readonly cleanSpaces?: boolean;
  /** Token texts are plain text. Default: bytes in GPT-2's letters. */
  readonly plainText?: boolean;
  /** Spaces become U+2581 before anything else. */
  readonly escapeWhitespaces?: boolean;
  /** A run of newlines that is a token is not split. */
  readonly wholeNewlines?: boolean;
  /** BOS has no default id. */
  readonly noBos?: boolean;
  /** BOS is added whatever the file says. */
  readonly alwaysBos?: boolean;
  /** The file may lack merges. */
  readonly mergesOptional?: boolean;
}

/** One line for each pre-tokenizer and set of switches. */
const rows: readonly (readonly [names: string, pre: PreTokenizer])[] = [
  ['afmoe', { split: splitters.afmoe, cleanSpaces: false }],
  ['chameleon', { split: splitters.chameleon, addBos: true, cleanSpaces: false }],
  ['deepseek-v3 hunyuan-dense hy_v4 joyai-llm', { split: splitters.deepseek3, cleanSpaces: false }],
  ['deepseek-coder', { split: splitters.deepseekCoder, cleanSpaces: false }],
  ['deepseek-llm', { split: splitters.deepseekLlm, cleanSpaces: false }],
  ['default', { split: splitters.default }],
  ['exaone-moe', { split: splitters.exaoneMoe }],
  ['falcon', { split: splitters.falcon }],
  [
    'mpt gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert olmo jais exaone4',
    { split: splitters.gpt2 },
  ],
  ['jina-v1-en jina-v2-code roberta-bpe', { split: splitters.gpt2, addSep: true }],
  ['trillion granite-docling', { split: splitters.gpt2, cleanSpaces: false }],
  ['gpt-4o llama4 kanana2 talkie minimax-m2', { split: splitters.gpt4o, cleanSpaces: false }],
  ['granite-embed-multi-97m', { split: splitters.graniteMulti, ignoreMerges: true, cleanSpaces: false }],
  ['jais-2', { split: splitters.jais2 }],
  ['kimi-k2', { split: splitters.kimiK2, mergesOptional: true, cleanSpaces: false }],
  ['laguna', { split: splitters.laguna, cleanSpaces: false }],
  ['sarvam-moe', { split: splitters.lines, plainText: true, escapeWhitespaces: true, cleanSpaces: false }],
  [
    'gemma4 granite-embed-multi-311m',
    { split: splitters.lines, plainText: true, escapeWhitespaces: true, wholeNewlines: true, alwaysBos: true },
  ],
  ['dbrx smaug-bpe', { split: splitters.llama3 }],
  [
    'llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano',
    { split: splitters.llama3, ignoreMerges: true, addBos: true },
  ],
  ['glm4 chatglm-bpe', { split: splitters.llama3, noBos: true }],
  ['minicpm5', { split: splitters.minicpm5, ignoreMerges: true }],
  ['bloom gpt3-finnish', { split: splitters.poro }],
  ['poro-chat', { split: splitters.poro, cleanSpaces: false }],
  ['stablelm2 megrez', { split: splitters.qwen2 }],
  [
    'qwen2 deepseek-r1-qwen kormo f2llmv2 bailingmoe bailingmoe2 llada-moe hunyuan grok-2 solar-open',
    { split: splitters.qwen2, cleanSpaces: false },
  ],
  ['qwen35', { split: splitters.qwen35, cleanSpaces: false }],
  ['seed-coder', { split: splitters.seedCoder, cleanSpaces: false }],
  ['spark2_5', { split: splitters.spark, cleanSpaces: false }],
  ['starcoder refact codeshell exaone minerva-7b mellum2', { split: splitters.starcoder }],
  ['command-r smollm', { split: splitters.starcoder, cleanSpaces: false }],
  ['superbpe', { split: splitters.superbpe, cleanSpaces: false }],
  ['tekken', { split: splitters.tekken, ignoreMerges: true, addBos: true, cleanSpaces: false }],
  ['tiny_aya cohere2moe', { split: splitters.tinyAya, cleanSpaces: false }],
  ['ufakzeka', { split: splitters.ufakzeka, cleanSpaces: false }],
  ['viking', { split: splitters.viking, cleanSpaces: false }],
  ['whitespace', { split: splitters.words, plainText: true }],
  ['youtu', { split: splitters.youtu, ignoreMerges: true, cleanSpaces: false }],
];

const byName = new Map(rows.flatMap(([names, pre]) => names.split(' ').map((name) => [name, pre] as const)));

/**
 * The pre-tokenizer for a value of `tokenizer.ggml.pre`; a missing or empty value means `default`.
 * @throws TokenizerError if the value is unknown: a guess would give wrong ids
 */
export function preTokenizer(name: string | undefined): PreTokenizer {
  const pre = byName.get(name || 'default');
  if (pre) return pre;
  throw new TokenizerError(
    `tokenizer.ggml.pre is "${name}", which is not supported; supported are ${[...byName.keys()].join(', ')}`,
    'tokenizer.ggml.pre',
  );
}
