/**
 * @file The normaliser of SentencePiece: a table of byte sequences and their replacements, stored as a double-array trie.
 *
 * Layout of `tokenizer.ggml.precompiled_charsmap`, always little endian: u32 byte length of the trie, the trie's u32 units, then
 * replacement texts, each ended by a zero byte. A unit holds a label (bits 0-7 and 31), whether it has a value (bit 8) and
 * the distance to its children (bits 10-30, shifted by 8 more if bit 9 is set); a value unit holds the offset of a replacement.
 */
import { TokenizerError } from './errors.ts';

const KEY = 'tokenizer.ggml.precompiled_charsmap';

/** Bytes of a replacement. The longest of Unicode's compatibility forms has 33; the limit bounds the growth of a text. */
const MAX_REPLACEMENT_BYTES = 256;

/** Finds the longest sequence of the table at a position, and its replacement. */
export class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;
  /** Length in bytes of the last match. */
  length = 0;
  /** The replacement of the last match is `texts[replacementStart, replacementEnd)`. */
  replacementStart = 0;
  replacementEnd = 0;

  /** @throws TokenizerError if the blob is shorter than its header says */
  constructor(blob: Uint8Array) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const size = blob.length < 4 ? 0 : view.getUint32(0, true);
    if (blob.length < 4 || size + 4 >= blob.length) {
      throw new TokenizerError(
        `${KEY} has ${blob.length} bytes, but its table has ${size}: the value is truncated`,
        KEY,
      );
    }
    this.#units = Uint32Array.from({ length: size >> 2 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#texts = blob.subarray(4 + size);
  }

  /** The bytes that contain the replacements. */
  get texts(): Uint8Array {
    return this.#texts;
  }

  /**
   * Looks for the longest sequence at `bytes[at]`. If there is one, sets `length` and the replacement.
   * @throws TokenizerError if the table points outside of itself
   */
  match(bytes: Uint8Array, at: number, end: number): boolean {
    const units = this.#units;
    if (units.length === 0) return false;
    let node = childrenOf(units[0]);
    let value = -1;
    for (let i = at; i < end && bytes[i] !== 0; i++) {
      node ^= bytes[i];
      const unit = this.#unit(node);
      if ((unit & 0x800000ff) >>> 0 !== bytes[i]) break;
      node ^= childrenOf(unit);
      if (unit & 0x100) {
        value = this.#unit(node) & 0x7fffffff;
        this.length = i + 1 - at;
      }
    }
    if (value < 0) return false;
    this.replacementStart = value;
    const most = Math.min(this.#texts.length, value + MAX_REPLACEMENT_BYTES + 1);
    let last = value;
    while (last < most && this.#texts[last] !== 0) last++;
    if (last >= most) {
      throw damaged(
        `the replacement at byte ${value} of ${this.#texts.length} does not end within ${MAX_REPLACEMENT_BYTES} bytes`,
      );
    }
    this.replacementEnd = last;
    return true;
  }

  #unit(node: number): number {
    if (node < 0 || node >= this.#units.length) throw damaged(`it refers to unit ${node} of ${this.#units.length}`);
    return this.#units[node];
  }
}

function childrenOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function damaged(what: string): TokenizerError {
  return new TokenizerError(`${KEY} is damaged: ${what}: convert the model again`, KEY);
}
