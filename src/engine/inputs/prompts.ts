/**
 * @file Puts prompts around inputs: texts that a model was trained with, before an input and after it.
 */
import type { Prompt, PromptsByName } from '../../hub/known-prompts.ts';
import { InputError } from '../errors.ts';
import { type ContentPart, isMediaInput, type MediaInput } from '../images/parts.ts';
import type { ModelInfo } from '../model-info.ts';
import { type EmbedInput, type EmbedOptions, type InputType, inputTypes } from '../types.ts';

/** What a prompt in options, bodies and files may be; completes "must be". */
export const PROMPT_FORMS = 'a text or { prefix, suffix, image: { prefix, suffix } }';

/** Whether a value is a prompt. */
export function isPrompt(value: unknown): value is Prompt {
  if (typeof value === 'string') return true;
  if (!isObject(value) || Object.keys(value).length === 0) return false;
  const { image, ...around } = value;
  return isAround(around) && (image === undefined || (isObject(image) && isAround(image)));
}

function isAround(value: Record<string, unknown>): boolean {
  return Object.entries(value).every(
    ([key, text]) => (key === 'prefix' || key === 'suffix') && (text === undefined || typeof text === 'string'),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The side of a search that a prompt is for, by its name. */
export function inputTypeOf(promptName: string | null | undefined): InputType | undefined {
  return inputTypes.find((name) => name === promptName);
}

/**
 * The prompt of a name; `undefined` for no name and for the empty one, which means no prompt.
 * @param hasInputTypes whether the model treats queries and documents differently: their names then need no prompt
 * @param fail makes the error for a name that no prompt has, from the names that there are
 * @throws what `fail` makes
 */
export function findPrompt(
  prompts: PromptsByName,
  name: string | undefined,
  hasInputTypes: boolean,
  fail: (known: string) => Error,
): Prompt | undefined {
  if (name === undefined || name === '') return undefined;
  if (Object.hasOwn(prompts, name)) return prompts[name];
  if (hasInputTypes && inputTypeOf(name) !== undefined) return undefined;
  throw fail([...Object.keys(prompts), ...(hasInputTypes ? inputTypes : [])].join(', ') || 'none');
}

/** The prompt that the options give or name. @throws InputError for both, and a name that no prompt has */
export function promptOf(
  { prompt, promptName }: Pick<EmbedOptions, 'prompt' | 'promptName'>,
  { prompts, hasInputTypes }: Pick<ModelInfo, 'prompts' | 'hasInputTypes'>,
): Prompt | undefined {
  if (prompt !== undefined && promptName !== undefined)
    throw new InputError('option', 'prompt and promptName cannot be used together');
  const fail = (known: string) =>
    new InputError('option', `there is no prompt ${JSON.stringify(promptName)} (known: ${known})`);
  return prompt ?? findPrompt(prompts, promptName, hasInputTypes, fail);
}

/** An input within a prompt. Token ids, and texts mixed with them, stay as they are. */
export function withPrompt(input: MediaInput, prompt: Prompt | undefined): MediaInput;
export function withPrompt(input: EmbedInput, prompt: Prompt | undefined): EmbedInput;
export function withPrompt(input: EmbedInput, prompt: Prompt | undefined): EmbedInput {
  if (prompt === undefined || prompt === '') return input;
  const [prefix, suffix] = textsAround(prompt, input);
  if (typeof input === 'string') return prefix + input + suffix;
  if (!isMediaInput(input)) return input;
  if (!Array.isArray(input) && 'images' in input) return { ...input, text: prefix + input.text + suffix };
  const parts = Array.isArray(input) ? (input as readonly ContentPart[]) : [input as ContentPart];
  return [...textPart(prefix), ...parts, ...textPart(suffix)];
}

function textPart(text: string): ContentPart[] {
  return text === '' ? [] : [{ text }];
}

/** The texts before and after an input. */
export function textsAround(prompt: Prompt, input: EmbedInput): [prefix: string, suffix: string] {
  if (typeof prompt === 'string') return [prompt, ''];
  const { prefix = '', suffix = '' } = (isMediaInput(input) && hasImage(input) && prompt.image) || prompt;
  return [prefix, suffix];
}

function hasImage(input: MediaInput): boolean {
  if (Array.isArray(input)) return input.some((part) => 'image' in part);
  return 'images' in input ? input.images.length > 0 : 'image' in input;
}
