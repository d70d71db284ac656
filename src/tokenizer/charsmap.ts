/**
 * @file The normaliser of SentencePiece: a table of byte sequences and what to write instead, as a double-array trie.
 *
 * Layout of `tokenizer.ggml.precompiled_charsmap`, always little endian: u32 byte length of the trie, the trie's u32 units, then
 * replacement texts, each ended by a zero byte. A unit holds a label (bits 0-7 and 31), whether a value hangs below it (bit 8) and
 * the distance to its children (bits 10-30, shifted by 8 more if bit 9 is set); a value unit holds the offset of a replacement.
 */
import { TokenizerError } from './errors.ts';

const KEY = 'tokenizer.ggml.precompiled_charsmap';

/** Bytes of a replacement. The longest of Unicode's compatibility forms has 33; a text must not grow without bounds. */
const MAX_REPLACEMENT_BYTES = 256;

/** The longest sequence that a table knows at a place, and what replaces it. */
export class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;
  /** Length in bytes of the last match. */
  length = 0;
  /** The replacement of the last match is `texts[replacementStart, replacementEnd)`. */
  replacementStart = 0;
  replacementEnd = 0;

  /** @throws TokenizerError when the blob is too short for what it announces */
  constructor(blob: Uint8Array) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const size = blob.length < 4 ? 0 : view.getUint32(0, true);
    if (blob.length < 4 || size + 4 >= blob.length) {
      throw new TokenizerError(`${KEY} has ${blob.length} bytes and a table of ${size}: it is cut off`, KEY);
    }
    this.#units = Uint32Array.from({ length: size >> 2 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#texts = blob.subarray(4 + size);
  }

  /** The bytes that replacements are in. */
  get texts(): Uint8Array {
    return this.#texts;
  }

  /**
   * Looks for the longest sequence at `bytes[at]`; sets `length` and the replacement when there is one.
   * @throws TokenizerError when the table points outside of itself
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
        `a replacement at ${value} of ${this.#texts.length} bytes does not end within ${MAX_REPLACEMENT_BYTES} bytes`,
      );
    }
    this.replacementEnd = last;
    return true;
  }

  #unit(node: number): number {
    if (node < 0 || node >= this.#units.length) throw damaged(`it points to unit ${node} of ${this.#units.length}`);
    return this.#units[node];
  }
}

function childrenOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function damaged(what: string): TokenizerError {
  return new TokenizerError(`${KEY} is damaged: ${what}; convert the model anew`, KEY);
}
