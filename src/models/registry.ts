/**
 * @file The supported architectures, by the value of `general.architecture` in the file.
 */
import type { Architecture } from './architecture.ts';
import { bert } from './bert.ts';
import { deberta } from './deberta.ts';
import { eurobert } from './eurobert.ts';
import { gemmaEmbedding } from './gemma-embedding.ts';
import { gemma1 } from './gemma1.ts';
import { gemma2 } from './gemma2.ts';
import { gemma3 } from './gemma3.ts';
import { gte } from './gte.ts';
import { jinaBertV2 } from './jina-bert-v2.ts';
import { jinaBertV3 } from './jina-bert-v3.ts';
import { lfm2 } from './lfm2.ts';
import { llama } from './llama.ts';
import { llamaEmbed } from './llama-embed.ts';
import { modernBert } from './modern-bert.ts';
import { mpnet } from './mpnet.ts';
import { neoBert } from './neo-bert.ts';
import { nomicBert } from './nomic-bert.ts';
import { nomicBertMoe } from './nomic-bert-moe.ts';
import { qwen2 } from './qwen2.ts';
import { qwen2vl } from './qwen2vl.ts';
import { qwen3 } from './qwen3.ts';
import { qwen3vl } from './qwen3vl.ts';
import { staticEmbedding } from './static-embedding.ts';
import { t5encoder } from './t5encoder.ts';

const all: readonly Architecture[] = [
  bert,
  nomicBert,
  nomicBertMoe,
  jinaBertV2,
  jinaBertV3,
  modernBert,
  neoBert,
  eurobert,
  gemmaEmbedding,
  t5encoder,
  llama,
  llamaEmbed,
  qwen2,
  qwen3,
  qwen2vl,
  qwen3vl,
  gemma1,
  gemma2,
  gemma3,
  lfm2,
  mpnet,
  gte,
  deberta,
  staticEmbedding,
];

/** All architectures by id. */
export const architectures: ReadonlyMap<string, Architecture> = new Map(all.map((entry) => [entry.id, entry]));
