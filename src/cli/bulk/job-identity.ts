/**
 * @file What decides the bytes of a job: the program, the model, the inputs and the options that change a vector or what is written of it.
 */
import type { InputType, LoraScale, ModelInfo, Prompt } from '../../engine/index.ts';
import { modelParts } from '../../gguf/split.ts';
import type { OptionValues } from '../options/option-table.ts';
import { packageVersion } from '../version.ts';
import type { InputFile } from './input-files.ts';
import type { JobIdentity } from './manifest.ts';
import type { OutputForm } from './output-forms.ts';
import { digestOf } from './survey.ts';

interface Described {
  readonly values: OptionValues;
  readonly info: ModelInfo;
  /** The scales of the adapters. */
  readonly lora: readonly LoraScale[];
  readonly form: OutputForm;
  readonly prompt: Prompt | undefined;
  readonly inputType: InputType | undefined;
  readonly files: readonly InputFile[];
  readonly modelFiles: readonly string[];
  readonly signal: AbortSignal;
}

/** Reads all files for their hashes. @throws UsageError for one that cannot be read; the signal's reason */
export async function jobIdentity(job: Described): Promise<JobIdentity> {
  const { values, info, lora, form, prompt, inputType, files, modelFiles, signal } = job;
  const inputs: { path: string; sha256: string }[] = [];
  for (const { path, name } of files) inputs.push({ path: name, sha256: await digestOf([path], signal) });
  return {
    program: `gguf-embed ${await packageVersion()}`,
    model: { path: modelFiles[0], sha256: await digestOf(modelFiles.flatMap(modelParts), signal) },
    inputs,
    settings: {
      '--output-format': form.extension,
      '--output-dtype': values.outputDtype,
      '--rows-per-part': values.rowsPerPart,
      '--input-format': values.inputFormat,
      '--text-field': values.textField,
      '--fields': values.fields,
      '--prompt-name': typeof prompt === 'object' ? JSON.stringify(prompt) : (prompt ?? inputType ?? ''),
      '--vectors': values.vectors,
      '--pooling': info.pooling,
      '--embd-normalize': values.embdNormalize,
      '--dimensions': values.dimensions,
      '--truncate': values.truncate,
      '--ctx-size': info.nCtx,
      '--backend': info.backend,
      '--precision': info.precision,
      '--reproducible': values.reproducible,
      '--override-kv': values.overrideKv,
      '--lora': await adapterDigests(info, lora, signal),
      '--chunk': values.chunk,
      '--chunk-late': values.chunkLate,
      // Sentences end where the tables of Unicode in Node say.
      'the version of ICU': values.chunk && process.versions.icu,
    },
  };
}

/** The hash and the scale of each adapter; `undefined` without adapters. */
async function adapterDigests({ adapters }: ModelInfo, lora: readonly LoraScale[], signal: AbortSignal) {
  if (adapters.length === 0) return undefined;
  const digests: string[] = [];
  for (const { id, path } of adapters) digests.push(`${await digestOf([path], signal)}:${lora[id].scale}`);
  return digests;
}
