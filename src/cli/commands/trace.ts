/**
 * @file The command `trace`.
 */
import { readFile } from 'node:fs/promises';
import { type ComparedWith, reportData } from '../../audit/report/data.ts';
import { reportPage } from '../../audit/report/page.ts';
import { arraysOf } from '../../audit/trace/arrays.ts';
import { defaultTolerance } from '../../audit/trace/cause.ts';
import { compareTraces } from '../../audit/trace/compare.ts';
import { formatComparison, formatTrace } from '../../audit/trace/format.ts';
import { jsonOf } from '../../audit/trace/json.ts';
import { writeNpz } from '../../audit/trace/npz.ts';
import { readRecord } from '../../audit/trace/read-record.ts';
import { type RecordedTrace, recordOf } from '../../audit/trace/recorded.ts';
import { writeSafetensors } from '../../audit/trace/safetensors.ts';
import type { EmbedInput, Trace } from '../../engine/index.ts';
import { namePattern } from '../../engine/trace/trace.ts';
import { nearest } from '../../nearest.ts';
import { type BackendName, backendNames, type Precision, precisions } from '../../tensor/backend.ts';
import { chosenPrompt } from '../input/chosen-prompt.ts';
import { readTextBeside, withImages } from '../input/images.ts';
import { requireModel } from '../input/input.ts';
import { cannotRead, requireRegularFile } from '../input/read-file.ts';
import { log, showProgress } from '../log.ts';
import { type LocatedPair, locatePair } from '../model/chosen-projector.ts';
import { loadEmbedder } from '../model/load.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { distinctOutputs, filesRead } from '../output/output-paths.ts';
import { forTerminal, write } from '../output/write.ts';
import { writeWhole } from '../output/write-whole.ts';
import { UsageError } from '../usage-error.ts';

/** Prints, writes or compares the steps of one input. */
export async function trace(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const { images = [] } = values;
  const pair = await locatePair(requireModel(parsed), values);
  if (values.compare !== undefined && values.versus !== undefined)
    throw new UsageError('--compare and --versus cannot be used together');
  const { npz, safetensors, html } = values;
  await distinctOutputs({ '--npz': npz, '--safetensors': safetensors, '--html': html }, filesRead(values, pair));
  const versus = values.versus === undefined ? undefined : readVersus(values.versus);
  const recorded = values.compare === undefined ? undefined : await readRecordFile(values.compare);
  const text = await readTextBeside(images, values);
  const input = images.length > 0 ? withImages(images, text) : text;
  const backend = values.backend === 'auto' ? 'reference' : values.backend;
  const here = await traceWith(pair, { ...values, backend }, input);
  for (const pattern of values.only ?? []) {
    if (here.steps.some(({ name }) => namePattern([pattern]).test(name))) continue;
    const problem = noSteps(pattern, await stepNames(pair, { ...values, backend }, input));
    if (here.steps.length === 0) throw problem;
    log(problem.message);
  }
  await writeArrays(here, values);
  if (recorded !== undefined) await report(here, recorded, values.compare!, values);
  else if (versus !== undefined) {
    const there = await traceWith(pair, { ...values, ...versus }, input);
    await report(here, recordOf(there), `${there.info.backend} (${there.info.backendDescription})`, values);
  } else {
    await writeReport(here, undefined, values);
    if (values.json) await write(`${JSON.stringify(jsonOf(here))}\n`);
    else await write(forTerminal(formatTrace(here)));
  }
}

async function traceWith({ path, mmproj }: LocatedPair, values: OptionValues, input: EmbedInput): Promise<Trace> {
  const embedder = await loadEmbedder(path, values, { worker: false, mmproj });
  try {
    return await embedder.trace([input], {
      only: values.only,
      normalize: embedder.info.pooling === 'rank' ? -1 : values.embdNormalize,
      truncate: values.truncate === 'no' ? false : values.truncate,
      task: values.task,
      ...(await chosenPrompt(values, embedder.info)),
      onProgress: showProgress(),
    });
  } finally {
    await embedder.dispose();
  }
}

/** The names of all steps, for the error when none was chosen. */
async function stepNames(pair: LocatedPair, values: OptionValues, input: EmbedInput): Promise<string[]> {
  const { steps } = await traceWith(pair, { ...values, only: undefined }, input);
  return [...new Set(steps.map(({ name }) => name))];
}

function noSteps(pattern: string, known: readonly string[]): UsageError {
  const near = nearest(pattern.replaceAll('*', ''), known);
  const some = near !== undefined ? `did you mean ${near}?` : `known are ${known.slice(0, 12).join(', ')} …`;
  return new UsageError(`--only ${pattern} matches no tensor: ${some}`);
}

/** @throws UsageError unless the text is a backend, with or without a precision */
function readVersus(text: string): { readonly backend: BackendName; readonly precision?: Precision } {
  const [name, wanted, ...others] = text.split(':');
  const backend = backendNames.find((known) => known === name);
  const precision = precisions.find((known) => known === wanted);
  if (backend === undefined || others.length > 0 || (wanted !== undefined && precision === undefined)) {
    throw new UsageError(
      `--versus must be one of ${backendNames.join(', ')}, optionally followed by one of :${precisions.join(', :')}, not "${text}"`,
    );
  }
  return precision === undefined ? { backend } : { backend, precision };
}

async function readRecordFile(path: string): Promise<RecordedTrace> {
  await requireRegularFile('--compare', path);
  const bytes = await readFile(path).catch((cause: Error) => {
    throw cannotRead('--compare', path, cause);
  });
  try {
    return readRecord(bytes);
  } catch (cause) {
    throw new UsageError(`--compare: ${path}: ${(cause as Error).message}`, { cause });
  }
}

async function writeArrays(trace: Trace, { npz, safetensors }: OptionValues): Promise<void> {
  const arrays = arraysOf(trace);
  if (npz !== undefined) await writeWhole(npz, [writeNpz(arrays)]);
  if (safetensors !== undefined) await writeWhole(safetensors, writeSafetensors(arrays));
}

async function writeReport(trace: Trace, compared: ComparedWith | undefined, { html }: OptionValues): Promise<void> {
  if (html === undefined) return;
  const page = await reportPage(reportData(trace, compared));
  await writeWhole(html, [new TextEncoder().encode(page)]);
}

/** Prints the comparison; the exit code is 1 if something differs. */
async function report(here: Trace, other: RecordedTrace, name: string, values: OptionValues): Promise<void> {
  const tolerance = values.tolerance ?? defaultTolerance(here, other);
  const comparison = compareTraces(here, other, tolerance);
  if (comparison.steps.length === 0) throw new UsageError(`${name} has none of the tensors of this trace`);
  await writeReport(here, { name, recorded: other, comparison }, values);
  if (values.json) await write(`${JSON.stringify({ with: name, tolerance, ...comparison })}\n`);
  else await write(forTerminal(formatComparison(comparison, name, tolerance)));
  if (comparison.first !== undefined || comparison.otherShape.length > 0) process.exitCode = 1;
}
