/**
 * @file The text that `--prompt-name` puts before each text.
 */
import type { ModelInfo } from '../engine/index.ts';
import type { OptionValues } from './option-table.ts';
import { readPromptsFile, requirePrompt } from './serve-files.ts';

/**
 * The prompt of `--prompt-name`, or the default one of the file of `--prompts`; empty if there is neither.
 * @throws UsageError if neither the file nor the model has it
 */
export async function promptText(values: OptionValues, info: ModelInfo): Promise<string> {
  const file = await readPromptsFile(values);
  const name = values.promptName ?? file.defaultPromptName;
  if (name === undefined || name === '') return '';
  requirePrompt({ ...file, defaultPromptName: name }, info.prompts);
  return { ...info.prompts, ...file.prompts }[name];
}
