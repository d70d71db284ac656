/**
 * @file Plans inputs: token ids, and between them images whose headers were read.
 */
import { ImageError } from '../../image/errors.ts';
import type { Chunk, Input, TextSide } from '../../models/index.ts';
import type { TileTexts } from '../../models/vision/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { Turn } from '../../turn.ts';
import { ContextSizeError, InputError } from '../errors.ts';
import { encodeInput, encodeWithin, tokensOfPrompt } from '../inputs/inputs.ts';
import { withPrompt } from '../inputs/prompts.ts';
import type { EmbedInput, EmbedOptions } from '../types.ts';
import type { ImageEncoder, OpenedImage } from './image-encoder.ts';
import { type ContentPart, isMediaInput, partsOf } from './parts.ts';

/** One input, ready except for its images. */
export interface Plan {
  readonly chunks: readonly (Int32Array | OpenedImage)[];
  readonly nTokens: number;
  /** Number of tokens that represent images. */
  readonly nImageTokens: number;
  readonly truncated: boolean;
  /** How many tokens at the beginning the tokens see. Default: all. */
  readonly seen?: number;
  /** The token at which pooling begins, if it is not the first. */
  readonly pooledFrom?: number;
  /** Index of the input. */
  readonly index: number;
}

/** How a model takes images. */
export interface Vision {
  readonly encoder: ImageEncoder;
  /** Texts that the model needs before and after an image. */
  readonly begin: string;
  readonly end: string;
  /** Texts that surround tiles, if the tower sees tiles. */
  readonly tiles?: TileTexts;
  /** Most images in one input. */
  readonly perInput: number;
}

/** The model and the limits that inputs are planned for. */
interface PlanContext {
  readonly tokenizer: Tokenizer;
  readonly nCtx: number;
  /** Name of the model in messages. */
  readonly name: string;
  /** `undefined` for a model without a vision tower. */
  readonly vision: Vision | undefined;
}

/** How inputs become tokens. */
interface PlanOptions extends Pick<EmbedOptions, 'truncate' | 'addSpecial' | 'prompt'> {
  /** What is added to texts. */
  readonly side?: TextSide;
  /** Whether the tokens of prompts are pooled. */
  readonly poolsPrompt: boolean;
  /** The token at which pooling of each input begins. */
  readonly poolFrom?: readonly number[];
}

/**
 * Plans a list of inputs. Yields the calling thread between inputs.
 * @throws InputError for an invalid input (ContextSizeError if it is too long), ImageError for an image that cannot be read,
 *   the signal's reason
 */
export async function planInputs(
  context: PlanContext,
  inputs: readonly EmbedInput[],
  options: PlanOptions & Pick<EmbedOptions, 'signal'>,
): Promise<Plan[]> {
  const turn = new Turn();
  const plans: Plan[] = [];
  for (const [index, input] of inputs.entries()) {
    plans.push(withPooledFrom(context, await planInput(context, input, index, options), input, options));
    if (!turn.isOver) continue;
    await turn.pass();
    options.signal?.throwIfAborted();
  }
  return plans;
}

/** @throws InputError for an input that has no tokens to pool */
function withPooledFrom(
  { tokenizer, name }: PlanContext,
  plan: Plan,
  input: EmbedInput,
  { poolsPrompt, poolFrom, ...options }: PlanOptions,
): Plan {
  const { index, nTokens, nImageTokens } = plan;
  const from = poolFrom?.[index] ?? (poolsPrompt ? undefined : tokensOfPrompt(tokenizer, input, options));
  if (from === undefined || from === 0) return plan;
  if (nImageTokens > 0) {
    throw new InputError('image', `input ${index} has an image, and ${name} leaves prompts out of pooling`, index);
  }
  if (from < nTokens) return { ...plan, pooledFrom: from };
  const problem = `input ${index} has ${nTokens} tokens, and pooling begins behind ${from} tokens of its prompt`;
  throw new InputError('empty', problem, index);
}

async function planInput(context: PlanContext, input: EmbedInput, index: number, options: PlanOptions): Promise<Plan> {
  if (isMediaInput(input)) {
    const parts = partsOf(withPrompt(input, options.prompt), `input ${index}`, index);
    if (parts.some((part) => 'image' in part)) return planMedia(context, parts, index, options.addSpecial);
    const { prompt: _, ...others } = options;
    return planText(context, plainInput(parts), index, others);
  }
  return planText(context, input, index, options);
}

function planText(
  { tokenizer, nCtx }: PlanContext,
  input: EmbedInput,
  index: number,
  { side, ...options }: PlanOptions,
): Plan {
  if (side === undefined || typeof input !== 'string') {
    const { ids, truncated } = encodeWithin(tokenizer, input, index, nCtx, options);
    return { chunks: [ids], nTokens: ids.length, nImageTokens: 0, truncated, index };
  }
  const { marker, length = nCtx, expansion } = side;
  const most = options.truncate ? Math.min(length, nCtx) : nCtx;
  const { ids, truncated } = encodeWithin(tokenizer, input, index, most, { ...options, marker });
  const plan = { chunks: [ids], nTokens: ids.length, nImageTokens: 0, truncated, index };
  if (expansion === undefined || ids.length >= length) return plan;
  if (length > nCtx) throw new ContextSizeError(index, length, nCtx, 'queries are filled up to this length');
  const filled = new Int32Array(length).fill(expansion.token);
  filled.set(ids);
  return { ...plan, chunks: [filled], nTokens: length, ...(!expansion.isSeen && { seen: ids.length }) };
}

/** Parts without images as an input of another form: a text, or texts and ids mixed. */
function plainInput(parts: readonly ContentPart[]): string | (string | number)[] {
  const mixed: (string | number)[] = [];
  for (const part of parts) {
    if ('text' in part) mixed.push(part.text);
    else if ('tokens' in part) for (const id of part.tokens) mixed.push(id);
  }
  return mixed.every((part) => typeof part === 'string') ? mixed.join('') : mixed;
}

const NEVER_CUT = 'shorten its texts, or limit the tokens of its images; an input with images is never cut';

/** Tokenizes each text separately. The special tokens that begin and end an input go around all parts. */
async function planMedia(
  { tokenizer, nCtx, name, vision }: PlanContext,
  parts: readonly ContentPart[],
  index: number,
  addSpecial = true,
): Promise<Plan> {
  if (vision === undefined) {
    const remedy = 'it was loaded without a vision tower (mmproj)';
    throw new InputError('image', `input ${index} has an image, but ${name} takes texts alone: ${remedy}`, index);
  }
  const { encoder, begin, end, tiles, perInput } = vision;
  const nImages = parts.filter((part) => 'image' in part).length;
  if (nImages > perInput) {
    throw new InputError('image', `input ${index} has ${nImages} images; at most ${perInput} are allowed`, index);
  }
  const chunks: (Int32Array | OpenedImage)[] = [];
  let ids: number[] = [];
  const addText = (text: string) => {
    for (const id of tokenizer.encode(text, { addSpecial: false })) ids.push(id);
  };
  const endText = () => {
    if (ids.length > 0) chunks.push(Int32Array.from(ids));
    ids = [];
  };
  const [before, after] = addSpecial ? specialTokens(tokenizer) : [[], []];
  ids.push(...before);
  let nImageTokens = 0;
  const addImage = (image: OpenedImage) => {
    endText();
    chunks.push(image);
    nImageTokens += image.nx * image.ny;
  };
  let nth = 0;
  for (const part of parts) {
    if ('text' in part) addText(part.text);
    else if ('tokens' in part) for (const id of encodeInput(tokenizer, part.tokens, index)) ids.push(id);
    else {
      const opening = encoder.open(part.image, `image ${nth++} of input ${index}`, index);
      const image = await opening.catch((error) => withIndex(error, index));
      const { columns, rows } = image.tiles ?? { columns: 0, rows: 0 };
      let tile = 0;
      for (let row = 0; row < rows; row++) {
        if (row > 0) addText(tiles!.rowEnd);
        for (let column = 0; column < columns; column++, tile++) {
          addText(tiles!.before(row, column));
          addImage({ ...image, tile });
        }
      }
      addText(begin);
      addImage(image.tiles === undefined ? image : { ...image, tile });
      addText(end);
    }
  }
  ids.push(...after);
  endText();
  const nTextTokens = chunks.reduce((sum, chunk) => sum + (chunk instanceof Int32Array ? chunk.length : 0), 0);
  const nTokens = nTextTokens + nImageTokens;
  if (nTokens > nCtx) throw new ContextSizeError(index, nTokens, nCtx, NEVER_CUT);
  return { chunks, nTokens, nImageTokens, truncated: false, index };
}

/** Adds the index of the input to an error. Several inputs may share the error, because they share the image. */
function withIndex(error: unknown, index: number): never {
  if (!(error instanceof ImageError)) throw error;
  const own = new ImageError(error.problem, error.message);
  own.index = index;
  throw own;
}

/** BOS and EOS if the model adds them. An input with images gets no other special tokens around it. */
function specialTokens({ vocab: { addBos, addEos, bos, eos } }: Tokenizer): [before: number[], after: number[]] {
  return [addBos && bos !== undefined ? [bos] : [], addEos && eos !== undefined ? [eos] : []];
}

/** Whether a plan has images to encode. */
export function hasImages({ chunks }: Plan): boolean {
  return chunks.some((chunk) => !(chunk instanceof Int32Array));
}

/** Most bytes of image rows in memory for inputs that are computed together. */
const GROUP_BYTES = 256 * 2 ** 20;

/** Groups of consecutive inputs whose images are in memory at the same time. */
export function groupPlans(plans: readonly Plan[]): Plan[][] {
  const groups: Plan[][] = [];
  let room = 0;
  for (const plan of plans) {
    let bytes = 0;
    for (const chunk of plan.chunks) if (!(chunk instanceof Int32Array)) bytes += chunk.rowBytes;
    if (groups.length === 0 || bytes > room) {
      groups.push([]);
      room = GROUP_BYTES;
    }
    groups[groups.length - 1].push(plan);
    room -= bytes;
  }
  return groups;
}

/** The input of a plan, with encoded images. */
export async function completePlan(
  { chunks, index }: Plan,
  encoder: ImageEncoder | undefined,
  request: { client?: string; signal?: AbortSignal },
): Promise<Input> {
  if (chunks.length === 1 && chunks[0] instanceof Int32Array) return chunks[0];
  return Promise.all(
    chunks.map(async (chunk): Promise<Chunk> => {
      if (chunk instanceof Int32Array) return chunk;
      if (encoder === undefined) throw new Error('the input has an image, but there is no vision tower');
      return encoder.encode(chunk, request).catch((error) => withIndex(error, index));
    }),
  );
}
