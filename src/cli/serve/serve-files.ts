/**
 * @file The files that `serve` reads in addition to the model: API keys and prompts.
 */
import type { ModelInfo, Prompt } from '../../engine/index.ts';
import { findPrompt, isPrompt, PROMPT_FORMS } from '../../engine/inputs/prompts.ts';
import type { AppOptions } from '../../server/index.ts';
import { readTextFile, requireSettings } from '../input/read-file.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';

/**
 * The keys of `--api-key` and `--api-key-file`.
 * @throws UsageError if an option is given without a key, because the server would be open to everyone
 */
export async function readApiKeys({ apiKey, apiKeyFile }: OptionValues): Promise<readonly string[]> {
  if (apiKey?.length === 0) throw new UsageError('--api-key is empty (an unset variable?)');
  requireSendable('--api-key, key', apiKey ?? []);
  if (apiKeyFile === undefined) return apiKey ?? [];
  const text = await readTextFile('--api-key-file', apiKeyFile);
  requireSettings(`--api-key-file ${apiKeyFile}`, text, 'contains no key');
  const lines = text.split(/\r\n?|\n/).map((line) => line.trim());
  requireSendable(`--api-key-file ${apiKeyFile}, line`, lines);
  const keys = [...(apiKey ?? []), ...lines.filter((line) => line !== '' && !line.startsWith('#'))];
  if (keys.length === 0) throw new UsageError(`--api-key-file ${apiKeyFile} contains no key`);
  return keys;
}

/** @throws UsageError for a key that no header can hold; the message does not have the key */
function requireSendable(where: string, keys: readonly string[]): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
  const found = keys.findIndex((key) => /[\0-\x08\x0a-\x1f\x7f]/.test(key));
  if (found < 0) return;
  throw new UsageError(`${where} ${found + 1}: it has a control character, which no request can send`);
}

/** Prompts by name, and the default prompt. */
export interface Prompts {
  readonly prompts: Readonly<Record<string, Prompt>>;
  readonly defaultPromptName: string | undefined;
}

/**
 * Prompts of `--prompts`: an object of prompts by name, or a model's config_sentence_transformers.json.
 * @throws UsageError for a file of another kind
 */
export async function readPromptsFile({ promptsFile, defaultPromptName }: OptionValues): Promise<Prompts> {
  const file = promptsFile === undefined ? {} : parseObject(promptsFile, await readTextFile('--prompts', promptsFile));
  const isConfig = (typeof file.prompts === 'object' && file.prompts !== null) || '__version__' in file;
  const prompts = isConfig ? (file.prompts ?? {}) : file;
  if (Array.isArray(prompts)) throw new UsageError(`--prompts ${promptsFile}: "prompts" must be an object of prompts`);
  for (const [name, prompt] of Object.entries(prompts)) {
    if (!isPrompt(prompt)) throw new UsageError(`--prompts ${promptsFile}: "${name}" must be ${PROMPT_FORMS}`);
  }
  const inFile = isConfig ? (file.default_prompt_name ?? undefined) : undefined;
  if (inFile !== undefined && typeof inFile !== 'string') {
    throw new UsageError(`--prompts ${promptsFile}: "default_prompt_name" must be a string or null`);
  }
  return { prompts: prompts as Prompts['prompts'], defaultPromptName: defaultPromptName ?? inFile };
}

/**
 * The default prompt, if there is one.
 * @param info its known prompts, and whether it treats queries and documents differently
 * @throws UsageError if neither the file of `--prompts` nor the model has it
 */
export function requirePrompt(
  { prompts = {}, defaultPromptName }: Pick<AppOptions, 'prompts' | 'defaultPromptName'>,
  { prompts: ofModel, hasInputTypes }: Pick<ModelInfo, 'prompts' | 'hasInputTypes'>,
): Prompt | undefined {
  const fail = (known: string) =>
    new UsageError(`there is no prompt "${defaultPromptName}" (known: ${known}; give others with --prompts FILE)`);
  return findPrompt({ ...ofModel, ...prompts }, defaultPromptName, hasInputTypes, fail);
}

function parseObject(path: string, text: string): Record<string, unknown> {
  requireSettings(`--prompts ${path}`, text, 'is not JSON');
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`--prompts ${path} is not JSON: ${(error as Error).message}`);
  }
  throw new UsageError(`--prompts ${path} must contain a JSON object`);
}
