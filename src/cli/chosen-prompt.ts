/**
 * @file The prompt that `--prompt-name` puts around each input.
 */
import type { ModelInfo, Prompt } from '../engine/index.ts';
import type { OptionValues } from './option-table.ts';
import { readPromptsFile, requirePrompt } from './serve-files.ts';

/**
 * The prompt of `--prompt-name`, or the default one of the file of `--prompts`; `undefined` if there is neither.
 * @throws UsageError if neither the file nor the model has it
 */
export async function chosenPrompt(values: OptionValues, info: ModelInfo): Promise<Prompt | undefined> {
  const file = await readPromptsFile(values);
  return requirePrompt({ ...file, defaultPromptName: values.promptName ?? file.defaultPromptName }, info.prompts);
}
