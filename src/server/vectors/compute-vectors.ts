/**
 * @file Computes the vectors of a request: chooses prompts, takes vectors from the cache, and has the engine compute
 * the others.
 */
import { isMediaInput } from '../../engine/images/parts.ts';
import type { Embeddings, EmbedInput, EmbedOptions, Prompt } from '../../engine/index.ts';
import { findPrompt, withPrompt } from '../../engine/inputs/prompts.ts';
import { Turn } from '../../turn.ts';
import { HttpError } from '../errors.ts';
import { reserveImages } from '../media/reserve-images.ts';
import type { ComputeContext, RequestContext } from '../request.ts';
import { cacheKey, type VectorCache } from './vector-cache.ts';

/** Vectors, in the order of the inputs. */
export interface Vectors {
  readonly vectors: Float32Array[];
  readonly dimensions: number;
  readonly nTokens: number[];
  readonly truncated: boolean[];
  readonly sparse?: Embeddings['sparse'];
  readonly multi?: Embeddings['multi'];
}

/** The options that change the numbers. */
export type VectorOptions = Pick<
  EmbedOptions,
  | 'normalize'
  | 'dimensions'
  | 'truncate'
  | 'addSpecial'
  | 'prompt'
  | 'pairStarts'
  | 'lora'
  | 'output'
  | 'inputType'
  | 'poolFrom'
>;

/**
 * The prompt of a request, which goes around its inputs.
 * @throws HttpError when there is no prompt of that name
 */
export function chosenPrompt({ state }: RequestContext, name: string | undefined): Prompt | undefined {
  const { defaultPromptName } = state.settings;
  const prompts = { ...state.engine.info.prompts, ...state.settings.prompts };
  const fail = (known: string) =>
    new HttpError('invalid_request_error', `"prompt_name" must be the name of a prompt (known: ${known})`);
  return findPrompt(prompts, name ?? defaultPromptName, state.engine.info.hasInputTypes, fail);
}

/**
 * Computes the vectors of `inputs`.
 * @throws InputError, the signal's reason
 */
export async function computeVectors(
  context: ComputeContext,
  inputs: readonly EmbedInput[],
  options: VectorOptions,
): Promise<Vectors> {
  const { signal, client, reserve } = context;
  const { engine, cache } = context.state;
  await reserveImages(context, inputs);
  // The cache keeps dense vectors alone.
  const result =
    cache && options.output === undefined
      ? await throughCache(context, cache, inputs, options)
      : await engine.embed(inputs, { ...options, signal, client, onSize: reserve });
  context.countTokens(result.nTokens);
  return result;
}

async function throughCache(
  context: ComputeContext,
  cache: VectorCache,
  inputs: readonly EmbedInput[],
  options: VectorOptions,
): Promise<Vectors> {
  const { signal, client } = context;
  const { engine, counters } = context.state;
  const vectors: Float32Array[] = new Array(inputs.length);
  const nTokens: number[] = new Array(inputs.length);
  const truncated: boolean[] = new Array(inputs.length).fill(false);
  const missing: { index: number; key: string | undefined; input: EmbedInput }[] = [];
  const turn = new Turn();
  const { normalize, dimensions: wanted, pairStarts, poolFrom } = options;
  const ofMissing = (list: readonly number[] | undefined) => list && missing.map(({ index }) => list[index]);
  const side = engine.info.hasInputTypes ? options.inputType : undefined;
  // Where pooling leaves the prompt out, tokens alone do not say what is pooled.
  const leftOut = engine.info.poolsPrompt ? undefined : options.prompt;
  // The scales may change while this request waits.
  const lora = engine.info.adapters.length === 0 ? options.lora : (options.lora ?? engine.lora);

  for (const [index, input] of inputs.entries()) {
    if (isMediaInput(input)) {
      missing.push({ index, key: undefined, input });
      nTokens[index] = 0;
      continue;
    }
    const ids = engine.tokenize(withPrompt(input, options.prompt));
    nTokens[index] = ids.length;
    // The engine decides where to cut, and needs the text to do so.
    const key =
      ids.length > engine.info.nCtx
        ? undefined
        : cacheKey(
            ids,
            `${normalize} ${wanted} ${pairStarts?.[index]} ${poolFrom?.[index]} ${side} ${JSON.stringify([lora, leftOut])}`,
          );
    const vector = key === undefined ? undefined : cache.get(key);
    if (vector === undefined)
      missing.push({ index, key, input: key === undefined || leftOut !== undefined ? input : ids });
    else vectors[index] = vector;
    if (!turn.isOver) continue;
    await turn.pass();
    signal.throwIfAborted();
  }
  counters.cacheHits += inputs.length - missing.length;
  counters.cacheMisses += missing.length;

  let dimensions = wanted ?? engine.info.nEmbdOut;
  const nRows = engine.info.pooling === 'none' ? nTokens.reduce((sum, n) => sum + n, 0) : inputs.length;
  context.reserve(nRows * dimensions);
  if (missing.length > 0) {
    const computed = await engine.embed(
      missing.map(({ input }) => input),
      { ...options, lora, pairStarts: ofMissing(pairStarts), poolFrom: ofMissing(poolFrom), signal, client },
    );
    ({ dimensions } = computed);
    for (const [i, { index, key }] of missing.entries()) {
      vectors[index] = computed.vectors[i];
      nTokens[index] = computed.nTokens[i];
      truncated[index] = computed.truncated[i];
      if (key !== undefined) cache.set(key, computed.vectors[i]);
    }
  }
  return { vectors, dimensions, nTokens, truncated };
}
