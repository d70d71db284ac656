/**
 * @file The command `embed`.
 */
import type { Embeddings, EmbedOptions, OpProfile } from '../../engine/index.ts';
import { applyTask, chosenPrompt } from '../input/chosen-prompt.ts';
import { labelOf, readTextBeside, withImages } from '../input/images.ts';
import { requireModel } from '../input/input.ts';
import { log, showProgress } from '../log.ts';
import { locatePair } from '../model/chosen-projector.ts';
import { loadEmbedder } from '../model/load.ts';
import type { Parsed } from '../options/parse-options.ts';
import { formatEmbeddings, formatKinds } from '../output/embed-formats.ts';
import { embedLines } from '../output/embed-lines.ts';
import { distinctOutputs, filesRead } from '../output/output-paths.ts';
import { requireMappable, writeTextMap } from '../output/text-map.ts';
import { isDenseAlone, vectorKinds } from '../output/vector-kinds.ts';
import { forTerminal, write } from '../output/write.ts';
import { UsageError } from '../usage-error.ts';

/**
 * Inputs with fewer UTF-16 units are computed on this thread and without 256-bit packing, which gives the same bits:
 * starting workers and checking the packed kernels would take longer.
 */
const SHORT_INPUT = 4096;

/** Prints the vectors of texts. */
export async function embed(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  if (values.output !== undefined) {
    const { embedFiles } = await import('../bulk/bulk.ts');
    return embedFiles(parsed);
  }
  const model = requireModel(parsed);
  const kinds = vectorKinds(values);
  if (!isDenseAlone(kinds) && !['', 'default', 'json'].includes(values.embdOutputFormat)) {
    const problem = `--embd-output-format ${values.embdOutputFormat} holds dense vectors alone`;
    throw new UsageError(`${problem}: leave it out, or give json, with --vectors ${kinds.join(',')}`);
  }
  const { images = [] } = values;
  if (images.length > 0 && values.jsonl) throw new UsageError('--jsonl has images in its lines, not in --image');
  if (values.html !== undefined && values.jsonl) throw new UsageError('--html and --jsonl cannot be used together');
  const input = values.jsonl ? undefined : await readTextBeside(images, values);
  const short = input !== undefined && input.length < SHORT_INPUT && images.length === 0;
  const pair = await locatePair(model, values);
  const { path, mmproj } = pair;
  await distinctOutputs({ '--html': values.html }, filesRead(values, pair));
  const place = short ? { worker: false, packing: false } : {};
  const embedder = await loadEmbedder(path, values, { ...place, mmproj });
  try {
    if (values.profile && embedder.info.backend !== 'wasm')
      throw new UsageError(`--profile needs --backend wasm; this is ${embedder.info.backend}`);
    if (values.verbose) log(`${embedder.info.name}: ${embedder.info.backendDescription}`);
    const { prompt, inputType } = await chosenPrompt(values, embedder.info);
    const options: EmbedOptions = {
      // Scores are not normalised: a single one would always become 1.
      normalize: embedder.info.pooling === 'rank' ? -1 : values.embdNormalize,
      dimensions: values.dimensions,
      inputType,
      truncate: values.truncate === 'no' ? false : values.truncate,
      ...(!isDenseAlone(kinds) && { output: kinds }),
    };
    applyTask(embedder, values);
    if (input === undefined) await embedLines(embedder, values, options, prompt);
    else {
      const inputs = images.length > 0 ? [withImages(images, input)] : splitTexts(input, values.embdSeparator);
      const texts = inputs.map(labelOf);
      if (values.html !== undefined) requireMappable(texts, embedder.info.pooling);
      const result = await embedder.embed(inputs, { ...options, prompt, onProgress: showProgress() });
      warnTruncated(result, (i) => `text ${i}`);
      if (values.html !== undefined) await writeTextMap(values.html, embedder.info, texts, result);
      // The page takes the place of the vectors, unless their format is asked for.
      if (values.html === undefined || values.embdOutputFormat !== '')
        await write(
          isDenseAlone(kinds)
            ? forTerminal(formatEmbeddings(texts, result, embedder.info.labels, values))
            : formatKinds(result, values),
        );
    }
    if (values.profile) logProfile(await embedder.profile());
  } finally {
    await embedder.dispose();
  }
}

/** Splits the input into texts; line breaks may be those of Windows. */
function splitTexts(input: string, separator: string): string[] {
  if (separator === '') return [input];
  return input.split(separator === '\n' ? /\r?\n/ : separator);
}

function logProfile(rows: readonly OpProfile[]): void {
  for (const { op, calls, milliseconds, macs } of rows) {
    const rate = macs > 0 ? `  ${((2 * macs) / milliseconds / 1e6).toFixed(1).padStart(7)} GFLOP/s` : '';
    log(`${op.padEnd(12)}${milliseconds.toFixed(1).padStart(9)} ms  ${String(calls).padStart(6)} calls${rate}`);
  }
}

function warnTruncated({ truncated }: Embeddings, nameOf: (index: number) => string): void {
  for (const [i, cut] of truncated.entries()) if (cut) log(`${nameOf(i)} was cut to the context`);
}
