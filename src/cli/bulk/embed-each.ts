/**
 * @file Embeds inputs of which some may be invalid: each gets its vector or its error.
 */
import { InputError } from '../../engine/errors.ts';
import type { Embedder, EmbedInput, EmbedOptions, SparseVector, TokenVectors } from '../../engine/index.ts';
import { ImageError } from '../../image/errors.ts';

/** The vectors of one input. */
export interface Embedded {
  /** Empty if no dense vectors are asked for. */
  readonly vector: Float32Array;
  readonly sparse?: SparseVector;
  readonly multi?: TokenVectors;
  readonly dimensions: number;
  readonly nTokens: number;
  readonly truncated: boolean;
}

/** An error that says which input cannot be used. */
export type ErrorOfInput = (InputError | ImageError) & { readonly index: number };

/**
 * The vectors of `inputs`, or the errors of those that cannot be used.
 * @param stops whether the first error is the last result: what comes after it is not needed
 */
export async function embedEach(
  embedder: Embedder,
  inputs: readonly EmbedInput[],
  options: EmbedOptions,
  stops: boolean,
): Promise<(Embedded | ErrorOfInput)[]> {
  try {
    return await embedAll(embedder, inputs, options);
  } catch (error) {
    if (!isOfOneInput(error)) throw error;
    // One input is invalid, and nothing was computed: embed each input separately, as far as answers are needed.
    const wanted = stops ? inputs.slice(0, error.index + 1) : inputs;
    const alone = { ...options, onProgress: undefined };
    const one = (input: EmbedInput) => embedAll(embedder, [input], alone).then(([result]) => result, unusable);
    return Promise.all(wanted.map(one));
  }
}

async function embedAll(embedder: Embedder, inputs: readonly EmbedInput[], options: EmbedOptions): Promise<Embedded[]> {
  const { vectors, sparse, multi, dimensions, nTokens, truncated } = await embedder.embed(inputs, options);
  return nTokens.map((n, i) => ({
    vector: vectors[i] ?? new Float32Array(),
    ...(sparse && { sparse: sparse[i] }),
    ...(multi && { multi: multi[i] }),
    dimensions,
    nTokens: n,
    truncated: truncated[i],
  }));
}

/** Returns the error of a single input as its result; throws any other error. */
function unusable(error: unknown): ErrorOfInput {
  if (isOfOneInput(error)) return error;
  throw error;
}

function isOfOneInput(error: unknown): error is ErrorOfInput {
  return (error instanceof InputError || error instanceof ImageError) && error.index !== undefined;
}
