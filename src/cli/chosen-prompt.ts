/**
 * @file The prompt that `--prompt-name` or `--task` puts around each input.
 */
import type { Embedder, EmbedOptions, InputType, ModelInfo, Prompt } from '../engine/index.ts';
import { taskAdapter } from '../engine/lora.ts';
import { inputTypeOf } from '../engine/prompts.ts';
import type { OptionValues } from './option-table.ts';
import { readPromptsFile, requirePrompt } from './serve-files.ts';

/**
 * The prompt of `--prompt-name`, that of `--task`, or the default one of the file of `--prompts`; `undefined` if there is none of them.
 * @throws UsageError if neither the file nor the model has it, InputError for a task that no adapter is for
 */
export async function chosenPrompt(values: OptionValues, info: ModelInfo): Promise<Prompt | undefined> {
  const file = await readPromptsFile(values);
  if (values.task !== undefined && values.promptName === undefined) {
    return taskAdapter(info.adapters, values.task).promptPrefix;
  }
  return requirePrompt({ ...file, defaultPromptName: values.promptName ?? file.defaultPromptName }, info);
}

/** Whether `--prompt-name`, or the default of the file of `--prompts`, says that the inputs are queries or documents. */
export async function chosenInputType(values: OptionValues): Promise<InputType | undefined> {
  return inputTypeOf(values.promptName ?? (await readPromptsFile(values)).defaultPromptName);
}

/** How `eval` embeds the queries or the documents: with the prompt of their own option, or with the default one of the file of `--prompts`. */
export async function promptOf(
  kind: InputType,
  values: OptionValues,
  info: ModelInfo,
): Promise<Pick<EmbedOptions, 'prompt' | 'inputType'>> {
  const promptName = kind === 'query' ? values.queryPromptName : values.documentPromptName;
  const named = { ...values, promptName };
  return { prompt: await chosenPrompt(named, info), inputType: await chosenInputType(named) };
}

/** Applies the adapter of `--task` alone. @throws InputError for a task that no adapter is for */
export function applyTask(embedder: Pick<Embedder, 'info' | 'setLora'>, { task }: OptionValues): void {
  if (task !== undefined) embedder.setLora(taskAdapter(embedder.info.adapters, task).lora);
}
