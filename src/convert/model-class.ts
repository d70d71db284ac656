/**
 * @file The description of a convertible class of models, and the writer of its architecture's keys.
 */
import type { GgufWriter } from '../gguf/index.ts';
import type { Checkout } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import type { CheckpointTensor } from './checkpoint/tensors.ts';
import type { NameMap } from './names.ts';

/** The kind of tokenizer of a class. `by-file`: WordPiece or Unigram, by the type in `tokenizer.json`. */
export type TokenizerKind =
  | 'wordpiece'
  | 'by-file'
  | 'roberta'
  | 'modern-bert'
  | 'xlm-roberta'
  | 'deberta'
  | 'bpe'
  | 'llama'
  | 'gemma';

/** One class, or several with the same conversion. */
export interface ModelClass {
  /** `general.architecture`. */
  readonly architecture: string;
  readonly names: NameMap;
  readonly tokenizer: TokenizerKind;
  /** Whether a file says which form of GELU the checkpoint has; those of llama.cpp's architectures do not. */
  readonly keepsGelu?: boolean;
  /** Whether its modules make no pooled vectors; its heads are what they make instead. */
  readonly hasNoPooling?: boolean;
  /** Rows for padding at the beginning of the position table, which are cut off. */
  positionOffset?(config: Config): number;
  /** Whether it is a language model whose architecture implies causal attention. */
  readonly isDecoder?: boolean;
  /** The config of the converted part. Default: the whole config. */
  part?(config: Config): Config;
  /** Rows of the token table to keep. Default: all. */
  tokenRows?(checkout: Checkout, config: Config): Promise<number>;
  /** The tensors to convert instead of those of the checkpoint. @throws ConvertError if one that they need is missing */
  tensors?(checkpoint: readonly CheckpointTensor[], config: Config): readonly CheckpointTensor[];
  /** A tensor as the file holds it, by its name there. Default: unchanged. */
  stored?(tensor: CheckpointTensor, name: string, config: Config): CheckpointTensor;
  /** Divisors of the frequencies of RoPE, one for each pair of values of a head. Default: none. */
  ropeFactors?(config: Config): Float32Array | undefined;
  /** Whether a checkpoint may hold an adapter for each task beside its weights. */
  readonly hasTaskAdapters?: boolean;
  /** Whether it is a cross-encoder, which keeps its token types and its form of GELU. */
  readonly isCrossEncoder?: boolean;
  /** Texts of keys of a reranker, whatever its architecture. */
  rerankKeys?(config: Config): Readonly<Record<string, string>>;
  /** Labels of the classifier's outputs. Default: `Config.labels`. */
  labels?(config: Config): string[];
  /**
   * @param checkout name of the checkout
   * @throws ConvertError if the config needs something that the architecture does not compute
   */
  check(config: Config, checkout: string): void;
  /** Keys of this class, before all others of the architecture. */
  before?(keys: ArchitectureKeys): void;
  /** Keys of this class, after pooling and labels. */
  after?(keys: ArchitectureKeys, config: Config): void;
}

/** Sets keys below `<architecture>.`. */
export class ArchitectureKeys {
  readonly #writer: GgufWriter;
  readonly #architecture: string;

  constructor(writer: GgufWriter, architecture: string) {
    this.#writer = writer;
    this.#architecture = architecture;
  }

  u32(key: string, value: number | undefined): void {
    if (value !== undefined) this.#writer.set(`${this.#architecture}.${key}`, { type: 'uint32', value });
  }

  f32(key: string, value: number | undefined): void {
    if (value !== undefined) this.#writer.set(`${this.#architecture}.${key}`, { type: 'float32', value });
  }

  bool(key: string, value: boolean): void {
    this.#writer.set(`${this.#architecture}.${key}`, { type: 'bool', value });
  }

  string(key: string, value: string): void {
    this.#writer.set(`${this.#architecture}.${key}`, { type: 'string', value });
  }

  ints(key: string, values: readonly number[]): void {
    const name = `${this.#architecture}.${key}`;
    this.#writer.set(name, { type: 'array', value: { elementType: 'int32', values: Int32Array.from(values) } });
  }

  floats(key: string, values: readonly number[]): void {
    const name = `${this.#architecture}.${key}`;
    this.#writer.set(name, { type: 'array', value: { elementType: 'float32', values: Float32Array.from(values) } });
  }

  bools(key: string, values: readonly boolean[]): void {
    const name = `${this.#architecture}.${key}`;
    this.#writer.set(name, { type: 'array', value: { elementType: 'bool', values: Uint8Array.from(values, Number) } });
  }

  strings(key: string, values: readonly string[]): void {
    const name = `${this.#architecture}.${key}`;
    if (values.length > 0) this.#writer.set(name, { type: 'array', value: { elementType: 'string', values } });
  }
}
