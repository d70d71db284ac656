/**
 * @file Loads a tokenizer without a model; a file with only a vocabulary is enough.
 */
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { openFileWith } from './open-model.ts';
import { type ModelSource, openSource } from './source.ts';
import type { LoadOptions } from './types.ts';

/**
 * The tokenizer of a GGUF file. Reads no tensors.
 * @param options how to find a model by name or URL
 * @throws GgufError if the file cannot be read, HubError if it cannot be downloaded, TokenizerError if its tokenizer is missing
 *   or not supported
 */
export async function loadTokenizer(
  source: ModelSource,
  { hub, signal, overrides }: Pick<LoadOptions, 'hub' | 'signal' | 'overrides'> = {},
): Promise<Tokenizer> {
  const bytes = await openSource(source, { ...hub, signal });
  try {
    return createTokenizer((await openFileWith(bytes, { overrides })).metadata);
  } finally {
    await bytes.close();
  }
}
