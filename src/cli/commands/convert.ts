/**
 * @file The command `convert`.
 */
import { convertFolder } from '../../convert/file.node.ts';
import type { OutputType } from '../../convert/output-types.ts';
import { openFile } from '../../gguf/file.node.ts';
import { openGguf } from '../../gguf/index.ts';
import { outlineModel } from '../../models/index.ts';
import { hasTower, outlineTower } from '../../models/vision/index.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { abortOnSignal } from '../abort-on-signal.ts';
import { log, progressLine } from '../log.ts';
import type { Parsed } from '../options/parse-options.ts';
import { distinctOutputs } from '../output/output-paths.ts';
import { summary } from '../output/tensor-summary.ts';
import { UsageError } from '../usage-error.ts';

/** Converts a folder to a file, or to several of them, and prints a summary of each. */
export async function convert({ values, positionals }: Parsed): Promise<void> {
  const [folder, output, ...others] = positionals;
  if (output === undefined || others.length > 0) {
    throw new UsageError('give a folder and a file: gguf-embed convert FOLDER OUT');
  }
  if (values.vision && values.mmprojOut !== undefined) {
    throw new UsageError(
      '--vision makes OUT the vision tower; --mmproj-out writes it beside the text model: give one of them',
    );
  }
  await distinctOutputs({ OUT: output, '--mmproj-out': values.mmprojOut }, []);
  const signal = abortOnSignal();
  const write = async (to: string, vision: boolean) => {
    const show = progressLine();
    const adapters: string[] = [];
    const tensors = await convertFolder(folder, to, values.outtype.toUpperCase() as OutputType, {
      modelName: values.modelName,
      vision,
      base: values.base,
      signal,
      onWarning: log,
      check: checkLoads,
      onAdapter: (path, written) => adapters.push(summary(path, written)),
      onProgress: (progress) => show(progress.values, progress.totalValues, () => progress.tensor.name),
    });
    for (const line of [summary(to, tensors), ...adapters]) log(line);
  };
  await write(output, values.vision);
  if (values.mmprojOut !== undefined) await write(values.mmprojOut, true);
}

/** @throws ModelError, TokenizerError for a file that cannot be loaded. Reads no weights */
async function checkLoads(path: string): Promise<void> {
  const file = await openGguf(await openFile(path));
  try {
    if (hasTower(file)) outlineTower(file);
    else {
      outlineModel(file);
      createTokenizer(file.metadata);
    }
  } finally {
    await file.close();
  }
}
