/**
 * @file The files that `serve` reads beside the model: keys, certificates, prompts.
 */
import { readFile } from 'node:fs/promises';
import type { OptionValues } from './option-table.ts';
import { UsageError } from './usage-error.ts';

/** Keys of `--api-key` and `--api-key-file` together. */
export async function readApiKeys({ apiKey = [], apiKeyFile }: OptionValues): Promise<string[]> {
  if (apiKeyFile === undefined) return [...apiKey];
  const lines = (await read('--api-key-file', apiKeyFile)).split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0 && apiKey.length === 0) throw new UsageError(`--api-key-file ${apiKeyFile} holds no key`);
  return [...apiKey, ...keys];
}

/** Key and certificate for HTTPS, `undefined` for HTTP. */
export async function readTls({
  sslKeyFile,
  sslCertFile,
}: OptionValues): Promise<{ key: string; cert: string } | undefined> {
  if (sslKeyFile === undefined && sslCertFile === undefined) return undefined;
  if (sslKeyFile === undefined || sslCertFile === undefined) {
    throw new UsageError('--ssl-key-file and --ssl-cert-file go together');
  }
  return { key: await read('--ssl-key-file', sslKeyFile), cert: await read('--ssl-cert-file', sslCertFile) };
}

/** Prompts by name, and which one is used without a name. */
export interface Prompts {
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | undefined;
}

/** Prompts of `--prompts`: an object of texts, or one that has them under `prompts`, as sentence-transformers stores them. */
export async function readPromptsFile({ promptsFile, defaultPromptName }: OptionValues): Promise<Prompts> {
  const file = promptsFile === undefined ? {} : parseObject(promptsFile, await read('--prompts', promptsFile));
  const nested = 'prompts' in file && typeof file.prompts === 'object';
  const prompts = (nested ? file.prompts : file) as Record<string, unknown>;
  for (const [name, text] of Object.entries(prompts ?? {})) {
    if (typeof text !== 'string') throw new UsageError(`--prompts ${promptsFile}: "${name}" must be a text`);
  }
  const inFile = nested && typeof file.default_prompt_name === 'string' ? file.default_prompt_name : undefined;
  const byDefault = defaultPromptName ?? inFile;
  if (byDefault !== undefined && byDefault !== '' && !Object.hasOwn(prompts ?? {}, byDefault)) {
    throw new UsageError(
      `there is no prompt "${byDefault}" (known: ${Object.keys(prompts ?? {}).join(', ') || 'none'})`,
    );
  }
  return { prompts: (prompts ?? {}) as Record<string, string>, defaultPromptName: byDefault };
}

function parseObject(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`--prompts ${path} is not JSON: ${(error as Error).message}`);
  }
  throw new UsageError(`--prompts ${path} must hold a JSON object`);
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${flag}: cannot read ${path}: ${(error as Error).message}`);
  }
}
