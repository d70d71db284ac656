/**
 * @file Vectors of the chunks of a text: of each chunk by itself, or late, where each token has seen the whole text.
 */
import { flag, type OptionTable } from '../../check-options.ts';
import type { Prompt } from '../../hub/known-prompts.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { InputError } from '../errors.ts';
import { embedOptions } from '../inputs/call-options.ts';
import { specialTokensAround, tokensOfPrompt } from '../inputs/inputs.ts';
import { textsAround } from '../inputs/prompts.ts';
import { chooseAdapters } from '../lora.ts';
import type { ModelInfo } from '../model-info.ts';
import { DEFAULT_NORMALIZE, finish } from '../outputs/normalize.ts';
import type { Embeddings, EmbedInput, EmbedOptions } from '../types.ts';
import { type Chunk, type ChunkOptions, chunk, chunkOptions } from './chunk.ts';

/** Options of `embedChunks`. */
export interface EmbedChunksOptions
  extends ChunkOptions,
    Pick<EmbedOptions, 'normalize' | 'dimensions' | 'inputType' | 'lora' | 'task' | 'client' | 'signal'> {
  /**
   * Late chunking: the model sees the whole text once, and the vector of a chunk is the mean of the vectors of its tokens. For models with pooling
   * `mean`; the text must fit into the context. Default false.
   */
  readonly late?: boolean | undefined;
}

/** A chunk with its vector. */
export interface EmbeddedChunk extends Chunk {
  readonly vector: Float32Array;
}

/** The result of `embedChunks`. */
export interface ChunkEmbeddings {
  readonly chunks: EmbeddedChunk[];
  /** Values in one vector. */
  readonly dimensions: number;
}

const { normalize, dimensions, inputType, lora, task, client, signal } = embedOptions;
export const embedChunksOptions: OptionTable<EmbedChunksOptions> = {
  ...chunkOptions,
  late: flag,
  normalize,
  dimensions,
  inputType,
  lora,
  task,
  client,
  signal,
};

/** What chunks are embedded with. */
interface ChunkEmbedder {
  readonly tokenizer: Tokenizer;
  readonly info: ModelInfo;
  /** Whether pooled vectors go through layers, which vectors of tokens do not. */
  readonly hasSentenceLayers: boolean;
  embed(inputs: EmbedInput | readonly EmbedInput[], options: EmbedOptions): Promise<Embeddings>;
}

/** What `Embedder.embedChunks` does, with options that were read. */
export async function embedChunks(
  embedder: ChunkEmbedder,
  text: string,
  { late = false, tokens, overlap, prompt: given, ...options }: EmbedChunksOptions,
): Promise<ChunkEmbeddings> {
  const { tokenizer, info } = embedder;
  // Chunks leave room for the prompt of a task, too.
  const prompt = given ?? chooseAdapters(info.adapters, options)?.promptPrefix ?? '';
  if (late && info.pooling !== 'mean') {
    throw new InputError(
      'option',
      `late chunking needs a model with pooling mean; that of ${info.name} is ${info.pooling}`,
    );
  }
  if (late && embedder.hasSentenceLayers) {
    throw new InputError(
      'option',
      `late chunking is not possible with ${info.name}: it has layers over pooled vectors (Dense, LayerNorm), which the means of chunks would not go through`,
    );
  }
  const chunks = chunk(text, tokenizer, { tokens, overlap, prompt });
  // A single chunk is the whole text: the backend itself computes the mean.
  if (late && chunks.length > 1) return lateChunks(embedder, text, prompt, chunks, options);
  const texts = chunks.map((one) => one.text);
  const { vectors, dimensions: width } = await embedder.embed(texts, { ...options, prompt });
  return { chunks: chunks.map((one, i) => ({ ...one, vector: vectors[i] })), dimensions: width };
}

async function lateChunks(
  { tokenizer, info, embed }: ChunkEmbedder,
  text: string,
  prompt: Prompt,
  chunks: readonly Chunk[],
  { normalize: norm = DEFAULT_NORMALIZE, dimensions: wanted, ...options }: EmbedOptions,
): Promise<ChunkEmbeddings> {
  const [prefix, suffix] = textsAround(prompt, text);
  const whole = prefix + text + suffix;
  const ids = Int32Array.from(tokenizer.encode(whole));
  const { vectors, dimensions: width } = await embed([whole], {
    ...options,
    prompt: '',
    pooling: 'none',
    normalize: -1,
  });
  const rowAt = (position: number) => tokensBefore(tokenizer, ids, whole, prefix.length + position);
  const first = info.poolsPrompt ? 0 : (tokensOfPrompt(tokenizer, text, { prompt }) ?? 0);
  const embedded = chunks.map((one, i) => {
    // The first chunk has the tokens before the text, unless pooling leaves them out; the last one has those after it.
    const from = i === 0 ? first : rowAt(one.start);
    const to = i === chunks.length - 1 ? ids.length : rowAt(endWithSpace(text, one.end));
    const mean = meanOfRows(vectors[0], width, from, Math.max(to, from + 1));
    return { ...one, vector: finish(mean, width, wanted ?? width, norm) };
  });
  return { chunks: embedded, dimensions: wanted ?? width };
}

/**
 * How many of the tokens of a text come before a position: those that the text up to there has, too. A token across the position
 * comes after it.
 */
function tokensBefore(tokenizer: Tokenizer, ids: Int32Array, text: string, position: number): number {
  const before = tokenizer.encode(text.slice(0, position));
  const [, nAfter] = specialTokensAround(tokenizer);
  const most = Math.min(before.length - nAfter, ids.length - 1);
  let n = 0;
  while (n < most && before[n] === ids[n]) n++;
  return n;
}

function endWithSpace(text: string, end: number): number {
  return end + /^\s*/.exec(text.slice(end))![0].length;
}

/** The mean of rows, summed in float64. */
function meanOfRows(rows: Float32Array, width: number, from: number, to: number): Float32Array {
  const mean = new Float32Array(width);
  for (let column = 0; column < width; column++) {
    let sum = 0;
    for (let row = from; row < to; row++) sum += rows[row * width + column];
    mean[column] = sum / (to - from);
  }
  return mean;
}
