/**
 * @file Cuts a long text into chunks of a number of tokens, at the ends of sentences and at the marks of Markdown.
 */
import { check, integer, type OptionTable, readOptions } from '../../check-options.ts';
import type { Prompt } from '../../hub/known-prompts.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { InputError, optionError } from '../errors.ts';
import { isPrompt, PROMPT_FORMS, textsAround } from '../inputs/prompts.ts';
import { checkWellFormed } from '../inputs/well-formed.ts';
import { charactersOf, type Piece, piecesOf, wordsOf } from './pieces.ts';

/** A part of a text. */
export interface Chunk {
  /** `text.slice(start, end)` of the whole text: without white space at its ends. */
  readonly text: string;
  /** Where it begins and ends in the whole text, in UTF-16 units, as JavaScript counts. */
  readonly start: number;
  readonly end: number;
  /** Its tokens, with the prompt and the special tokens around it. */
  readonly nTokens: number;
}

/** Options of `chunk`. */
export interface ChunkOptions {
  /** Most tokens of a chunk, with the prompt and the special tokens that the model adds. Default 256. */
  readonly tokens?: number | undefined;
  /**
   * Most tokens at the beginning of a chunk that are also the end of the chunk before it. They are whole sentences: there is no overlap where the last
   * sentence is longer. Default 0.
   */
  readonly overlap?: number | undefined;
  /** The prompt that will be put around each chunk, such as the one for documents; its tokens count. Default none. */
  readonly prompt?: Prompt | undefined;
}

export const chunkOptions: OptionTable<ChunkOptions> = {
  tokens: check((value) => Number.isSafeInteger(value) && (value as number) > 0, 'a positive integer'),
  overlap: integer(0, Number.MAX_SAFE_INTEGER, 'an integer that is 0 or greater'),
  prompt: check(isPrompt, PROMPT_FORMS),
};

const DEFAULT_TOKENS = 256;
/** Least tokens of the text itself: one character takes up to four, and some tokenizers put a space in front. */
const LEAST_ROOM = 8;

/**
 * Cuts a text into chunks. A chunk ends where a sentence, an item of a list, a row of a table or a line of code ends; a heading is
 * in one chunk with what follows it. Only a sentence that is longer than a chunk is cut between words, and a longer word between characters.
 * Every character that is not white space is in a chunk, in order. A text without such characters has no chunks.
 * @param tokenizer that of the model, as `embedder.tokenizer` or from `loadTokenizer`
 * @throws InputError for a text with half of a surrogate pair, what is no tokenizer, or options that leave no room for text
 */
export function chunk(text: string, tokenizer: Tokenizer, given: ChunkOptions = {}): Chunk[] {
  const options = readOptions('chunk', given, chunkOptions, optionError);
  if (typeof text !== 'string') throw new InputError('shape', 'the text to chunk must be a string');
  if (typeof tokenizer?.encode !== 'function') {
    throw new InputError(
      'shape',
      'chunk takes the tokenizer of the model: embedder.tokenizer, or that of loadTokenizer',
    );
  }
  checkWellFormed(text, 'the text to chunk');
  return new Chunker(text, tokenizer, options).chunks();
}

class Chunker {
  readonly #text: string;
  readonly #tokenizer: Tokenizer;
  /** The texts of the prompt. */
  readonly #prefix: string;
  readonly #suffix: string;
  /** Most tokens of a chunk with everything, and without prompt and special tokens. */
  readonly #limit: number;
  readonly #room: number;
  readonly #overlap: number;
  readonly #pieces: readonly Piece[];
  /** Tokens of each piece by itself. */
  readonly #costs: readonly number[];

  constructor(text: string, tokenizer: Tokenizer, { tokens = DEFAULT_TOKENS, overlap = 0, prompt = '' }: ChunkOptions) {
    this.#text = text;
    this.#tokenizer = tokenizer;
    [this.#prefix, this.#suffix] = textsAround(prompt, text);
    this.#limit = tokens;
    const nOwn = tokenizer.encode(this.#prefix + this.#suffix).length;
    this.#room = tokens - nOwn;
    if (this.#room < LEAST_ROOM) {
      const own = prompt === '' ? 'the special tokens' : 'the prompt and the special tokens';
      throw new InputError(
        'option',
        `chunks of ${tokens} tokens leave too little room for text: ${own} take ${nOwn}, and ${LEAST_ROOM} must remain`,
      );
    }
    if (overlap >= this.#room) {
      throw new InputError(
        'option',
        `an overlap of ${overlap} tokens is not less than the ${this.#room} tokens of text in a chunk`,
      );
    }
    this.#overlap = overlap;
    this.#pieces = piecesOf(text).flatMap((piece) => this.#fitting(piece));
    this.#costs = this.#pieces.map((piece) => this.#cost(piece));
  }

  chunks(): Chunk[] {
    const chunks: Chunk[] = [];
    const nPieces = this.#pieces.length;
    let begin = 0;
    let before = 0;
    while (before < nPieces) {
      let { end, nTokens } = this.#grow(begin);
      let [from, to] = this.#trimmed(begin, end);
      const last = chunks.at(-1);
      if (begin < before && (end <= before || from <= last!.start)) {
        // The overlap left no room for anything new, or begins where the last chunk does.
        ({ end, nTokens } = this.#grow((begin = before)));
        [from, to] = this.#trimmed(begin, end);
      }
      // What is new may be white space alone.
      if (from < to && to > (last?.end ?? 0)) {
        chunks.push({ text: this.#text.slice(from, to), start: from, end: to, nTokens });
      }
      before = end;
      begin = this.#overlapBegin(begin, end);
    }
    return chunks;
  }

  /** The end of the chunk that begins with a piece, and its tokens. */
  #grow(begin: number): { end: number; nTokens: number } {
    let end = begin;
    // The sum of the pieces is an estimate: together they may have fewer tokens, rarely more.
    let estimate = 0;
    for (;;) {
      const grownFrom = end;
      while (
        end < this.#pieces.length &&
        estimate + this.#costs[end] <= this.#room &&
        !this.#endsBefore(end, begin, estimate)
      ) {
        estimate += this.#costs[end++];
      }
      end = Math.max(end, begin + 1);
      let nTokens = this.#count(begin, end);
      while (nTokens > this.#limit && end > begin + 1) nTokens = this.#count(begin, --end);
      const exact = nTokens - (this.#limit - this.#room);
      const goesOn = end > grownFrom && end < this.#pieces.length && !this.#endsBefore(end, begin, exact);
      if (goesOn && exact < estimate && exact + this.#costs[end] <= this.#room) {
        estimate = exact;
        continue;
      }
      const isHeadingLast = end > begin + 1 && end < this.#pieces.length && this.#pieces[end - 1].isHeading;
      return isHeadingLast ? { end: end - 1, nTokens: this.#count(begin, end - 1) } : { end, nTokens };
    }
  }

  /** Whether a heading ends a chunk that is half full. */
  #endsBefore(end: number, begin: number, nTokens: number): boolean {
    return end > begin && this.#pieces[end].isHeading && nTokens >= this.#room / 2;
  }

  /** The first piece of the chunk after one: so many of its last pieces as the overlap holds, and room for another. */
  #overlapBegin(begin: number, end: number): number {
    let first = end;
    let sum = 0;
    const room = Math.min(this.#overlap, this.#room - (this.#costs[end] ?? 0));
    while (first - 1 > begin && sum + this.#costs[first - 1] <= room) sum += this.#costs[--first];
    return first;
  }

  /** A piece, or what it has to be cut into. */
  #fitting(piece: Piece): Piece[] {
    if (this.#cost(piece) <= this.#room) return [piece];
    return wordsOf(this.#text, piece).flatMap((word) =>
      this.#cost(word) <= this.#room ? [word] : charactersOf(this.#text, word),
    );
  }

  #cost({ start, end }: Piece): number {
    return this.#tokenizer.encode(this.#text.slice(start, end), { addSpecial: false }).length;
  }

  #count(begin: number, end: number): number {
    return this.#tokenizer.encode(this.#prefix + this.#text.slice(...this.#trimmed(begin, end)) + this.#suffix).length;
  }

  /** The extent of pieces without white space at their ends. */
  #trimmed(begin: number, end: number): [from: number, to: number] {
    const { start } = this.#pieces[begin];
    const text = this.#text.slice(start, this.#pieces[end - 1].end);
    const from = start + text.length - text.trimStart().length;
    return [from, Math.max(from, start + text.trimEnd().length)];
  }
}
