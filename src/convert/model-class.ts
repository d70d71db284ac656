/**
 * @file What a class of models that can be converted is made of, and the writer of the keys of its architecture.
 */
import type { GgufWriter } from '../gguf/index.ts';
import type { Checkout } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import type { NameMap } from './names.ts';

/** How the tokens of a class are kept. */
export type TokenizerKind = 'wordpiece' | 'roberta' | 'modern-bert' | 'xlm-roberta' | 'qwen2' | 'gemma';

/** One class, or several that are converted alike. */
export interface ModelClass {
  /** `general.architecture`. */
  readonly architecture: string;
  readonly names: NameMap;
  readonly tokenizer: TokenizerKind;
  /** Rows at the beginning of the position table that stand for padding and are cut off. */
  positionOffset?(config: Config): number;
  /** Whether it is a language model whose attention the architecture itself knows to be causal. */
  readonly isDecoder?: boolean;
  /** The config of the part that is converted. Default: the whole. */
  part?(config: Config): Config;
  /** Rows of the table of tokens that are kept. Default: all. */
  tokenRows?(checkout: Checkout, config: Config): Promise<number>;
  /** What is added to the values of a tensor, by its name in the file. Default: nothing. */
  offset?(name: string): number;
  /** Whether it scores pairs: a cross-encoder keeps its token types and its form of GELU. */
  readonly isCrossEncoder?: boolean;
  /** Labels of the classifier's outputs. Default: `Config.labels`. */
  labels?(config: Config): string[];
  /**
   * @param checkout name of the checkout
   * @throws ConvertError when the config asks for what the architecture does not compute
   */
  check(config: Config, checkout: string): void;
  /** Keys that this class alone writes before all others of the architecture. */
  before?(keys: ArchitectureKeys): void;
  /** Keys that this class alone writes behind pooling and labels. */
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
