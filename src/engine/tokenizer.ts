/**
 * @file A tokenizer without a model: also for files that hold a vocabulary and no weights.
 */
import { openGguf } from '../gguf/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { type ModelSource, openSource } from './source.ts';

/**
 * The tokenizer of a GGUF file. No tensor is read.
 * @throws GgufError when the file cannot be read, TokenizerError when it has no tokenizer that is known
 */
export async function loadTokenizer(source: ModelSource): Promise<Tokenizer> {
  const bytes = await openSource(source);
  try {
    return createTokenizer((await openGguf(bytes)).metadata);
  } finally {
    await bytes.close();
  }
}
