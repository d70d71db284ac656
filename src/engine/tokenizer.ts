/**
 * @file Loads a tokenizer without a model; a file with only a vocabulary is enough.
 */
import { openGguf } from '../gguf/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { type ModelSource, openSource } from './source.ts';

/**
 * The tokenizer of a GGUF file. Reads no tensors.
 * @throws GgufError if the file cannot be read, TokenizerError if its tokenizer is missing or not supported
 */
export async function loadTokenizer(source: ModelSource): Promise<Tokenizer> {
  const bytes = await openSource(source);
  try {
    return createTokenizer((await openGguf(bytes)).metadata);
  } finally {
    await bytes.close();
  }
}
