/**
 * @file Offers a model if `serve` is started without one.
 */
import { DEFAULT_MODEL, DEFAULT_MODEL_BYTES, knownModels } from '../../hub/known-models.ts';
import { byteSize } from '../log.ts';
import { type ChosenModel, chosenModel } from '../model/chosen-model.ts';
import type { Parsed } from '../options/parse-options.ts';
import { UsageError } from '../usage-error.ts';

/**
 * The default model, after a question on a terminal, if neither options nor arguments name a model. `undefined` if one is named, or an
 * argument may be meant as one.
 * @throws UsageError with the command to use, if there is no terminal or the answer is no
 */
export async function offeredModel({ values, positionals }: Parsed): Promise<ChosenModel | undefined> {
  if (positionals.length > 0 || chosenModel(values) !== undefined) return undefined;
  const known = knownModels.find(({ name }) => name === DEFAULT_MODEL);
  if (known?.gguf === undefined) return undefined;
  const agreed = await ask(
    `No model was named. Serve ${known.name} (${byteSize(DEFAULT_MODEL_BYTES)}, ${known.license}) from ${known.gguf}? [Y/n] `,
  );
  if (agreed) return chosenModel({ ...values, hfRepo: known.gguf });
  throw new UsageError(
    `no model: give a GGUF file with -m FILE, or name one of the Hugging Face hub, for example: gguf-embed serve -hf ${known.gguf}`,
  );
}

/** Whether a person at the terminal says yes; false without a terminal. */
async function ask(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = (await terminal.question(question)).trim().toLowerCase();
    return answer === '' || answer === 'y' || answer === 'yes';
  } finally {
    terminal.close();
  }
}
