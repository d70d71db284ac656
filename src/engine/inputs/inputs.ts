/**
 * @file Turns the caller's inputs into token ids: the forms that an input may have, and truncation.
 */

import type { Prompt } from '../../hub/known-prompts.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { Turn } from '../../turn.ts';
import { ContextSizeError, InputError } from '../errors.ts';
import { isMediaInput } from '../images/parts.ts';
import type { EmbedInput, EmbedOptions, TokenizeOptions } from '../types.ts';
import { textsAround, withPrompt } from './prompts.ts';
import { checkWellFormed } from './well-formed.ts';

/** What becomes tokens beside a text: `EmbedOptions`, and the token behind the first one of a text. */
type EncodeOptions = Pick<EmbedOptions, 'truncate' | 'addSpecial' | 'prompt'> & { readonly marker?: number };

/** One input, ready to run. */
export interface Encoded {
  readonly ids: Int32Array;
  readonly truncated: boolean;
}

const SHAPES =
  'a string, an array of token ids, an array of strings and token ids mixed, or texts and images as objects';

/**
 * The list of inputs in one argument, as llama-server reads it: an array without numbers is a list
 * of inputs; anything else (a string, token ids, a mix) is one input. Lists are copied: callers may change their own while the call goes on.
 */
export function listInputs(input: EmbedInput | readonly EmbedInput[]): readonly EmbedInput[] {
  if (!Array.isArray(input) || input.some((part) => typeof part === 'number')) return [copyOf(input as EmbedInput)];
  return Array.from(input as readonly EmbedInput[], copyOf);
}

function copyOf(input: EmbedInput): EmbedInput {
  return Array.isArray(input) || isInt32Array(input) ? (input.slice() as EmbedInput) : input;
}

// Checks the tag, not the class, because the array may come from another realm.
function isInt32Array(input: unknown): input is Int32Array {
  return Object.prototype.toString.call(input) === '[object Int32Array]';
}

/**
 * Token ids of one input. Texts get the model's special tokens around them; ids are unchanged. In a mix, strings
 * are tokenised in place, and if the first part is a string, all special tokens go around that string.
 * @throws InputError `shape` for another type, `token` for an id outside the vocabulary
 */
export function encodeInput(
  tokenizer: Tokenizer,
  input: EmbedInput,
  index: number,
  { addSpecial = true, parseSpecial = true }: TokenizeOptions = {},
): number[] | Int32Array {
  if (typeof input === 'string') {
    checkWellFormed(input, `input ${index}`, index);
    return tokenizer.encode(input, { addSpecial, parseSpecial });
  }
  if (isInt32Array(input)) return checkIds(tokenizer, input, index);
  if (!Array.isArray(input)) throw new InputError('shape', `input ${index} must be ${SHAPES}`, index);
  const parts: readonly unknown[] = input;
  if (parts.length > 0 && !parts.some((part) => typeof part === 'number')) {
    throw new InputError('shape', `input ${index} is an array without token ids: it must be ${SHAPES}`, index);
  }
  const ids: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (typeof part === 'number') ids.push(part);
    else if (typeof part === 'string') {
      checkWellFormed(part, `part ${i} of input ${index}`, index);
      for (const id of tokenizer.encode(part, { addSpecial: addSpecial && i === 0, parseSpecial })) ids.push(id);
    } else throw new InputError('shape', `part ${i} of input ${index} is neither a string nor a token id`, index);
  }
  return checkIds(tokenizer, ids, index);
}

function checkIds<Ids extends number[] | Int32Array>(tokenizer: Tokenizer, ids: Ids, index: number): Ids {
  const { nTokens } = tokenizer.vocab;
  for (let i = 0; i < ids.length; i++) {
    if (!(Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < nTokens)) {
      throw new InputError(
        'token',
        `token ${ids[i]} of input ${index} is outside the vocabulary of ${nTokens} tokens (0 to ${nTokens - 1}), at position ${i}`,
        index,
      );
    }
  }
  return ids;
}

/**
 * Token ids of a list of inputs, checked against the context. Yields the calling thread between inputs.
 * @throws what `encodeWithin` throws, the signal's reason
 */
export async function encodeInputs(
  tokenizer: Tokenizer,
  inputs: readonly EmbedInput[],
  nCtx: number,
  { signal, ...options }: Pick<EmbedOptions, 'truncate' | 'addSpecial' | 'prompt' | 'signal'>,
): Promise<Encoded[]> {
  const turn = new Turn();
  const encoded: Encoded[] = [];
  for (const [index, input] of inputs.entries()) {
    encoded.push(encodeWithin(tokenizer, input, index, nCtx, options));
    if (!turn.isOver) continue;
    await turn.pass();
    signal?.throwIfAborted();
  }
  return encoded;
}

/**
 * Token ids of one input, checked against the context.
 *
 * A truncated text keeps its prompt and the special tokens around it; token ids are cut without regard to special tokens.
 * @throws InputError as `encodeInput`, and `empty` for no tokens; ContextSizeError if it is too long and truncation is not allowed
 */
export function encodeWithin(
  tokenizer: Tokenizer,
  input: EmbedInput,
  index: number,
  nCtx: number,
  { truncate = false, addSpecial, prompt, marker }: EncodeOptions,
): Encoded {
  const encoded = encodeInput(tokenizer, withPrompt(input, prompt), index, { addSpecial });
  if (encoded.length === 0) throw new InputError('empty', `input ${index} is empty: it has no tokens`, index);
  const isMarked = marker !== undefined && typeof input === 'string';
  const ids = isMarked ? [encoded[0], marker, ...encoded.slice(1)] : encoded;
  if (ids.length <= nCtx) return { ids: new Int32Array(ids), truncated: false };
  if (truncate === false) throw new ContextSizeError(index, ids.length, nCtx);

  let [before, after] = typeof input === 'string' ? tokensAround(tokenizer, encoded, prompt, addSpecial) : [0, 0];
  if (isMarked) before = Math.max(before, 1) + 1;
  if (before + after >= nCtx) {
    throw new ContextSizeError(
      index,
      ids.length,
      nCtx,
      `the ${before + after} tokens around its text leave no room for it`,
    );
  }
  const kept = new Int32Array(nCtx);
  const room = nCtx - before - after;
  const from = truncate === 'start' ? ids.length - after - room : before;
  for (let i = 0; i < before; i++) kept[i] = ids[i];
  for (let i = 0; i < room; i++) kept[before + i] = ids[from + i];
  for (let i = 0; i < after; i++) kept[before + room + i] = ids[ids.length - after + i];
  return { ids: kept, truncated: true };
}

/** The number of tokens around a text that are not its own: special ones, and those of its prompt. */
function tokensAround(
  tokenizer: Tokenizer,
  ids: ArrayLike<number>,
  prompt: Prompt | undefined,
  addSpecial = true,
): [before: number, after: number] {
  if (prompt === undefined) return addSpecial ? specialTokensAround(tokenizer) : [0, 0];
  const [start, end] = textsAround(prompt, '').map((text) =>
    tokenizer.encode(text, { addSpecial, parseSpecial: true }),
  );
  let [before, after] = [0, 0];
  // At its ends a prompt can share a token with the text, which is then not its own.
  while (before < start.length && start[before] === ids[before]) before++;
  while (after < end.length && end[end.length - 1 - after] === ids[ids.length - 1 - after]) after++;
  return [before, after];
}

/**
 * The number of tokens before an input that are its prompt's: those of the prompt by itself, with what goes before a text, as
 * sentence-transformers counts them.
 */
export function tokensOfPrompt(
  tokenizer: Tokenizer,
  input: EmbedInput,
  { prompt, addSpecial = true }: Pick<EmbedOptions, 'prompt' | 'addSpecial'>,
): number | undefined {
  if (prompt === undefined || (typeof input !== 'string' && !isMediaInput(input))) return undefined;
  const [prefix] = textsAround(prompt, input);
  if (prefix === '') return undefined;
  const [, after] = addSpecial ? specialTokensAround(tokenizer) : [0, 0];
  return tokenizer.encode(prefix, { addSpecial, parseSpecial: true }).length - after;
}

/** The number of special tokens before and after a text: at most one on each side. */
export function specialTokensAround(tokenizer: Tokenizer): [before: number, after: number] {
  const n = tokenizer.encode('', { addSpecial: true, parseSpecial: false }).length;
  const before = n === 2 || (n === 1 && tokenizer.vocab.addBos) ? 1 : 0;
  return [before, n - before];
}
