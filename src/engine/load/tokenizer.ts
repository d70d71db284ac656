/**
 * @file Loads a tokenizer without a model; a file with only a vocabulary is enough.
 */
import { type OptionTable, readOptions } from '../../check-options.ts';
import { createTokenizer, type Tokenizer } from '../../tokenizer/index.ts';
import { optionError } from '../errors.ts';
import type { LoadOptions } from '../types.ts';
import { loadOptions } from './load-options.ts';
import { openFileWith, warnUnusedOverrides } from './open-model.ts';
import { type ModelSource, openSource } from './source.ts';

type TokenizerLoadOptions = Pick<LoadOptions, 'hub' | 'signal' | 'overrides' | 'onWarning'>;

const tokenizerOptions: OptionTable<TokenizerLoadOptions> = {
  hub: loadOptions.hub,
  signal: loadOptions.signal,
  overrides: loadOptions.overrides,
  onWarning: loadOptions.onWarning,
};

/**
 * The tokenizer of a GGUF file. Reads no tensors.
 * @param options how to find a model by name or URL, and metadata to use instead of the file's
 * @throws GgufError if the file cannot be read, HubError if it cannot be downloaded, TokenizerError if its tokenizer is missing
 *   or not supported
 */
export async function loadTokenizer(source: ModelSource, options: TokenizerLoadOptions = {}): Promise<Tokenizer> {
  const { hub, signal, overrides, onWarning } = readOptions('loadTokenizer', options, tokenizerOptions, optionError);
  const bytes = await openSource(source, { ...hub, signal });
  try {
    const file = await openFileWith(bytes, { overrides });
    const tokenizer = createTokenizer(file.metadata);
    warnUnusedOverrides(file, { overrides, onWarning });
    return tokenizer;
  } finally {
    await bytes.close();
  }
}
