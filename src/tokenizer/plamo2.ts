/**
 * @file PLaMo 2: finds the tokenization with the lowest cost, from the right.
 */
import { TokenizerError } from './errors.ts';
import { byteTokenText } from './pieces.ts';
import { NOTHING, PrefixFilter, TOKEN } from './prefix-filter.ts';
import type { TextModel } from './text-model.ts';
import { HASH_SEED, hashByte } from './token-table.ts';
import { utf8Length } from './utf8.ts';
import { TokenType, type Vocab } from './vocab.ts';

/** Scores are integers in units of 1 / SCALE. */
const SCALE = 1e4;
/** Score of a character without a token. */
const UNKNOWN_SCORE = -10_000_000;
/** Tokens with this score or less are not used. */
const INVALID_SCORE = -20_000_000;
const BYTES = -1;

/** The PLaMo 2 algorithm over one vocabulary. */
export class Plamo2 implements TextModel {
  readonly #vocab: Vocab;
  readonly #prefixes: PrefixFilter;
  readonly #byteTokens = new Int32Array(256);

  /** @throws TokenizerError if a byte has no token */
  constructor(vocab: Vocab) {
    this.#vocab = vocab;
    this.#prefixes = new PrefixFilter(vocab.table, (id) => vocab.types[id] !== TokenType.byte);
    for (let byte = 0; byte < 256; byte++) {
      const name = byteTokenText(byte);
      const id = vocab.table.find(name, 0, name.length);
      if (id < 0 || vocab.types[id] !== TokenType.byte) {
        throw new TokenizerError(
          `a PLaMo 2 vocabulary needs a token of type byte for each of 256 bytes; ${new TextDecoder().decode(name)} is missing`,
          'tokenizer.ggml.tokens',
        );
      }
      this.#byteTokens[byte] = id;
    }
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    // A byte order mark at the beginning is not part of the text.
    if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf && start + 3 <= end) start += 3;
    const costs = new Float64Array(end - start + 1).fill(Infinity);
    costs[end - start] = 0;
    const ids = new Int32Array(end - start);
    const ends = new Int32Array(end - start);
    for (let at = end - 1; at >= start; at--) {
      if ((bytes[at] & 0xc0) !== 0x80) this.#choose(bytes, start, at, end, costs, ids, ends);
    }
    for (let at = start; at < end; at = ends[at - start]) {
      const id = ids[at - start];
      if (id !== BYTES) out.push(id);
      else for (let i = at; i < ends[at - start]; i++) out.push(this.#byteTokens[bytes[i]]);
    }
  }

  piece(id: number): Uint8Array {
    return this.#vocab.textBytes(id);
  }

  /** Finds the cheapest path from `at` to the end, given those from all later positions. On a tie, the longest token wins. */
  #choose(
    bytes: Uint8Array,
    start: number,
    at: number,
    end: number,
    costs: Float64Array,
    ids: Int32Array,
    ends: Int32Array,
  ): void {
    const { table, types, scores } = this.#vocab;
    const place = at - start;
    let cost = Infinity;
    const most = Math.min(end, at + table.maxLength);
    let hash = HASH_SEED;
    for (let to = at; to < most; ) {
      hash = hashByte(hash, bytes[to++]);
      const seen = this.#prefixes.look(hash);
      if (seen === NOTHING) break;
      const id = seen & TOKEN ? table.findHashed(hash, bytes, at, to) : -1;
      if (id < 0 || types[id] === TokenType.byte) continue;
      const score = roundAwayFromZero(scores[id] * SCALE);
      const sum = costs[to - start] - score;
      if (score <= INVALID_SCORE || sum > cost || sum === Infinity) continue;
      cost = sum;
      ids[place] = id;
      ends[place] = to;
    }
    const next = at + utf8Length(bytes[at]);
    if (costs[next - start] - UNKNOWN_SCORE < cost) {
      cost = costs[next - start] - UNKNOWN_SCORE;
      ids[place] = BYTES;
      ends[place] = next;
    }
    costs[place] = cost;
  }
}

function roundAwayFromZero(x: number): number {
  return x < 0 ? -Math.round(-x) : Math.round(x);
}
