/**
 * @file Makes the tables of a vocabulary in WebAssembly (`assembly/index.ts`), with the results of `indexTexts` and `load-vocab.ts`. JavaScript
 * takes ten times as long until it is compiled, which is longer than a vocabulary lasts. The tables stay in the memory in which they are made.
 */
import type { StringArray } from '../gguf/index.ts';
import { textsModule } from './module.generated.ts';
import { checkProbes, hashCapacity, type TextIndex, type TokenTexts } from './token-table.ts';
import { utf8 } from './utf8.ts';

/** Fewer texts are not worth an instance. */
const MIN_TEXTS = 1024;

/** The memory begins with small arguments, then types that are converted at a time. */
const VALUES = 64;
const VALUES_AT_ONCE = 8192;
const TABLES = VALUES + 4 * VALUES_AT_ONCE;
const PAGE = 65536;

/** The functions of `assembly/index.ts`. */
interface Loops {
  pack(n: number, offsets: number, bytes: number, hashes: number): number;
  longestText(): number;
  index(
    n: number,
    offsets: number,
    bytes: number,
    hashes: number,
    slots: number,
    mask: number,
    lengths: number,
  ): number;
  firstEqual(): number;
  secondEqual(): number;
  classify(n: number, values: number, last: number, attributeOf: number, types: number, attributes: number): void;
  mark(
    n: number,
    offsets: number,
    bytes: number,
    attributes: number,
    among: number,
    word: number,
    length: number,
    bits: number,
  ): void;
}

/** The tables of one vocabulary. */
export interface CompiledTables {
  readonly texts: TokenTexts;
  readonly index: TextIndex;
  /**
   * The type of each token, 0 for values that are none, and its attributes. Comes once.
   * @param values as many as texts
   * @param last the last type
   * @param attributeOf the attributes of each type
   */
  classify(
    values: Int32Array | Uint32Array,
    last: number,
    attributeOf: readonly number[],
  ): { readonly types: Uint8Array; readonly attributes: Uint8Array };
  /** After `classify`: adds `bits` to the attributes of tokens that have one of `among` and contain `word`. */
  mark(among: number, word: string, bits: number): void;
}

/**
 * `undefined` if there are few texts, an empty one, none as a file has them, or no WebAssembly: a page may forbid it.
 * @throws TokenizerError if texts collide too often
 */
export function compiledTables(tokens: StringArray): CompiledTables | undefined {
  const stored = tokens.length < MIN_TEXTS ? undefined : tokens.stored?.();
  if (stored === undefined) return undefined;
  const { bytes: source, ends } = stored;
  const n = ends.length;
  const capacity = hashCapacity(n);
  const hashes = TABLES;
  const offsets = hashes + 4 * n;
  const types = offsets + 4 * (n + 1);
  const attributes = types + n;
  const bytes = attributes + n;
  const made = instantiate(bytes + source.length);
  if (made === undefined) return undefined;
  const { loops, memory } = made;
  new Uint8Array(memory.buffer).set(source, bytes);
  new Uint32Array(memory.buffer, offsets + 4, n).set(ends);
  if (loops.pack(n, offsets, bytes, hashes) !== 0) return undefined;
  const [length] = new Uint32Array(memory.buffer, offsets + 4 * n, 1);
  const slots = Math.ceil((bytes + length) / 4) * 4;
  const lengths = slots + 4 * capacity;
  const maxLength = loops.longestText();
  const missing = lengths + maxLength + 1 - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  const collides = loops.index(n, offsets, bytes, hashes, slots, capacity - 1, lengths);
  if (collides >= 0) checkProbes(Number.POSITIVE_INFINITY, 'tokenizer.ggml.tokens', collides);
  const { buffer } = memory;
  const first = loops.firstEqual();
  return {
    texts: { bytes: new Uint8Array(buffer, bytes, length), offsets: new Uint32Array(buffer, offsets, n + 1) },
    index: {
      hashes: new Int32Array(buffer, hashes, n),
      slots: new Int32Array(buffer, slots, capacity),
      lengths: new Uint8Array(buffer, lengths, maxLength + 1),
      duplicate: first < 0 ? undefined : [first, loops.secondEqual()],
    },
    classify(values, last, attributeOf) {
      new Uint8Array(buffer).set(attributeOf);
      for (let id = 0; id < n; id += VALUES_AT_ONCE) {
        const some = values.subarray(id, Math.min(n, id + VALUES_AT_ONCE));
        new Uint32Array(buffer, VALUES, VALUES_AT_ONCE).set(some);
        loops.classify(some.length, VALUES, last, 0, types + id, attributes + id);
      }
      return { types: new Uint8Array(buffer, types, n), attributes: new Uint8Array(buffer, attributes, n) };
    },
    mark(among, word, bits) {
      const text = utf8(word);
      new Uint8Array(buffer).set(text);
      loops.mark(n, offsets, bytes, attributes, among, 0, text.length, bits);
    },
  };
}

let module: WebAssembly.Module | undefined;

function instantiate(bytes: number): { readonly loops: Loops; readonly memory: WebAssembly.Memory } | undefined {
  try {
    module ??= new WebAssembly.Module(Uint8Array.from(textsModule));
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    return { loops: exports as unknown as Loops, memory };
  } catch {
    return undefined;
  }
}
