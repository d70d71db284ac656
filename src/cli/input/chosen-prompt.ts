/**
 * @file The prompt that `--prompt-name` or `--task` puts around each input.
 */
import type { Embedder, EmbedOptions, InputType, ModelInfo } from '../../engine/index.ts';
import { inputTypeOf } from '../../engine/inputs/prompts.ts';
import { taskAdapter } from '../../engine/lora.ts';
import type { OptionValues } from '../options/option-table.ts';
import { type Prompts, readPromptsFile, requirePrompt } from '../serve/serve-files.ts';

/** What is put around inputs, and whether they are queries or documents. */
type PromptChoice = Pick<EmbedOptions, 'prompt' | 'inputType'>;

/**
 * The choice of `--prompt-name` or `--task`, or the default one of the file of `--prompts`.
 * @throws UsageError if neither the file nor the model has the prompt, InputError for a task that no adapter is for
 */
export async function chosenPrompt(values: OptionValues, info: ModelInfo): Promise<PromptChoice> {
  return choiceOf(await readPromptsFile(values), values, info);
}

/** How `eval` embeds queries and documents: with the prompt of their own option, or with the default one of the file of `--prompts`. */
export async function chosenPrompts(values: OptionValues, info: ModelInfo): Promise<Record<InputType, PromptChoice>> {
  const file = await readPromptsFile(values);
  const { queryPromptName, documentPromptName } = values;
  return {
    query: choiceOf(file, { ...values, promptName: queryPromptName }, info),
    document: choiceOf(file, { ...values, promptName: documentPromptName }, info),
  };
}

function choiceOf(file: Prompts, { task, promptName }: OptionValues, info: ModelInfo): PromptChoice {
  const defaultPromptName = promptName ?? file.defaultPromptName;
  const isOfTask = task !== undefined && promptName === undefined;
  return {
    prompt: isOfTask
      ? taskAdapter(info.adapters, task).promptPrefix
      : requirePrompt({ ...file, defaultPromptName }, info),
    inputType: inputTypeOf(defaultPromptName),
  };
}

/** Applies the adapter of `--task` alone. @throws InputError for a task that no adapter is for */
export function applyTask(embedder: Pick<Embedder, 'info' | 'setLora'>, { task }: OptionValues): void {
  if (task !== undefined) embedder.setLora(taskAdapter(embedder.info.adapters, task).lora);
}
