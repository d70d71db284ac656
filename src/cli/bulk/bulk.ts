/**
 * @file `embed --output`: embeds the records of files and writes them with their vectors, to one file or to the parts of a folder.
 */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Embedder } from '../../engine/index.ts';
import { outputKinds } from '../../engine/types.ts';
import { abortOnSignal } from '../abort-on-signal.ts';
import { applyTask, chosenPrompt } from '../input/chosen-prompt.ts';
import { requireModelOption } from '../input/input.ts';
import { log } from '../log.ts';
import { locatePair } from '../model/chosen-projector.ts';
import { loadEmbedder } from '../model/load.ts';
import { logIfSet } from '../options/option-effects.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { makeFolder } from '../output/make-folder.ts';
import { distinctOutputs, filesRead } from '../output/output-paths.ts';
import { isDenseAlone, vectorKinds } from '../output/vector-kinds.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';
import { beginJob } from './begin-job.ts';
import { chunkingOf } from './chunk-records.ts';
import { embedRows, type RowOptions } from './embed-rows.ts';
import { inOrder } from './in-order.ts';
import { jobIdentity } from './job-identity.ts';
import { inputsOfCommand } from './job-inputs.ts';
import { JobMeter } from './job-meter.ts';
import { groupsOfRows, type RowRange, rowsOfJob } from './job-rows.ts';
import { removeAbandoned } from './output-file.ts';
import { formOfName, type OutputForm, outputNames } from './output-forms.ts';
import type { RecordFields } from './record.ts';
import { chunkFields, keptFields } from './record-json.ts';
import { failuresName, writePart } from './write-part.ts';

/** Groups of rows in progress at a time: enough to keep the backend busy while results are written. */
const GROUPS_AHEAD = 4;

/** Stands for all chunks where only the names and types of fields matter. */
const FIRST_CHUNK = { chunk: 0, chunk_start: 0, chunk_end: 0 };

/** Where the output goes. */
interface Destination {
  readonly form: OutputForm;
  /** The folder of the parts; `undefined` for one file. */
  readonly folder: string | undefined;
  /** The path of the one file without its extension. */
  readonly stem: string;
}

/** The work of a job: which rows go to which outputs. */
interface Part extends RowRange {
  readonly stem: string;
}

/** Embeds files. @throws UsageError */
export async function embedFiles(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const model = requireModelOption(parsed);
  const destination = await destinationOf(values);
  const kinds = vectorKinds(values);
  if (destination.form.format === 'npy' && !isDenseAlone(kinds)) {
    const others = kinds.filter((kind) => kind !== 'dense').join(' and ');
    throw new UsageError(`.npy holds dense vectors alone; ${others} vectors go to .jsonl, .parquet or .arrow`);
  }
  const share = shareOf(values, destination);
  const signal = abortOnSignal(
    destination.folder === undefined
      ? 'nothing was written'
      : 'the parts that are whole stay: the same command goes on from there',
  );
  const { files, release } = await inputsOfCommand(parsed, destination.folder, signal);
  try {
    await checkOutput(destination, [...files.map(({ path }) => path), ...filesRead(values)]);
    const { path, mmproj } = await locatePair(model, values);
    const embedder = await loadEmbedder(path, values, { mmproj, signal });
    try {
      await runJob({
        values,
        destination,
        share,
        signal,
        files,
        embedder,
        modelFiles: mmproj ? [path, mmproj] : [path],
      });
    } finally {
      await embedder.dispose();
    }
  } finally {
    await release();
  }
}

/** @throws UsageError if the name does not say a format */
async function destinationOf({ output = '', outputFormat }: OptionValues): Promise<Destination> {
  const named = formOfName(output);
  if (output !== '' && output.split(',').every((word) => outputKinds.some((kind) => kind === word))) {
    throw new UsageError(`--output says where vectors go; their kinds are --vectors ${output}`);
  }
  const isFolder =
    /[/\\]$/.test(output) ||
    (await stat(output).then(
      (found) => found.isDirectory(),
      () => false,
    ));
  if (isFolder || (named === undefined && outputFormat !== undefined)) {
    const format = outputFormat ?? 'parquet';
    return { form: { format, compression: undefined, extension: format }, folder: output, stem: '' };
  }
  if (named === undefined) {
    throw new UsageError(
      `the name of --output ${output} does not say its format (.jsonl, .jsonl.gz, .parquet, .arrow, .npy); a folder ends with /`,
    );
  }
  if (outputFormat !== undefined && outputFormat !== named.form.format) {
    throw new UsageError(
      `--output-format ${outputFormat} is not what --output ${output} ends in: leave one of the two out`,
    );
  }
  return { ...named, folder: undefined };
}

/** Which parts this process writes: those whose number has this remainder. */
interface Share {
  readonly nth: number;
  readonly of: number;
}

/** @throws UsageError */
function shareOf(values: OptionValues, { folder }: Destination): Share {
  const { shard } = values;
  if (folder === undefined) logIfSet(values, 'rowsPerPart', '--output is a file, and only folders have parts');
  if (shard === undefined) return { nth: 0, of: 1 };
  if (folder === undefined) throw new UsageError('--shard needs a folder as --output: its name ends with /');
  const [, nth, of] = /^(\d+)\/(\d+)$/.exec(shard) ?? [];
  if (!(Number(nth) >= 1 && Number(nth) <= Number(of))) {
    throw new UsageError(`--shard must be I/N with I from 1 to N, not "${shard}"`);
  }
  return { nth: Number(nth) - 1, of: Number(of) };
}

async function checkOutput({ folder, form, stem }: Destination, inputs: readonly string[]): Promise<void> {
  if (folder === undefined) {
    await distinctOutputs({ '--output': [...outputNames(stem, form), failuresName(stem)] }, inputs);
    await removeAbandoned(dirname(stem)).catch(() => {});
    return;
  }
  await makeFolder(folder);
  await removeAbandoned(folder);
}

interface JobParts {
  readonly values: OptionValues;
  readonly destination: Destination;
  readonly share: Share;
  readonly signal: AbortSignal;
  readonly files: Awaited<ReturnType<typeof inputsOfCommand>>['files'];
  readonly embedder: Embedder;
  readonly modelFiles: readonly string[];
}

async function runJob(job: JobParts): Promise<void> {
  const { values, destination, share, signal, embedder } = job;
  const { form, folder } = destination;
  const { info } = embedder;
  const kinds = vectorKinds(values);
  if (info.pooling === 'none' && kinds.includes('dense') && form.format !== 'jsonl') {
    throw new UsageError(`with --pooling none, the output must be JSON lines, not ${form.format}`);
  }
  applyTask(embedder, values);
  const { prompt, inputType: kind } = await chosenPrompt(values, info);
  const chunking = chunkingOf(values);
  const fieldsOf = outputFields(values, form);
  const inputType = isDenseAlone(kinds) && !info.hasInputTypes ? undefined : kind;
  const identify = () => jobIdentity({ ...job, info, lora: embedder.lora, form, prompt, inputType });
  const { surveyed, columns, check } = await beginJob({ ...job, folder, identify }, (fields, index) =>
    chunking === undefined
      ? fieldsOf(fields, index)
      : chunkFields(fieldsOf(fields, index), values.textField, '', FIRST_CHUNK),
  );
  const nRows = surveyed.reduce((sum, file) => sum + file.nRows, 0);
  const parts = partsOf(destination, nRows, values.rowsPerPart).filter((_, i) => i % share.of === share.nth);
  const missing: Part[] = [];
  for (const part of parts) if (folder === undefined || !(await isThere(part, form))) missing.push(part);
  if (missing.length < parts.length)
    log(`${parts.length - missing.length} of ${plural(parts.length, 'part')} are there already`);
  const options: RowOptions = {
    textField: values.textField,
    prompt,
    fieldsOf,
    chunking,
    skips: values.onError === 'skip',
    embed: {
      normalize: info.pooling === 'rank' ? -1 : values.embdNormalize,
      dimensions: values.dimensions,
      inputType,
      truncate: values.truncate === 'no' ? false : values.truncate,
      signal,
      ...(!isDenseAlone(kinds) && { output: kinds }),
    },
  };
  const meter = new JobMeter(missing.reduce((sum, { from, to }) => sum + to - from, 0));
  const rows = rowsOfJob(surveyed, missing);
  try {
    for (const { stem, from, to } of missing) {
      const groups = groupsOfRows(rows, to - from, values.textField);
      const embedded = inOrder(groups, GROUPS_AHEAD, (rows) =>
        embedRows(embedder, rows, options, meter.begin(rows.length)),
      );
      const dimensionsOf = (vector: Float32Array | undefined) =>
        values.dimensions ?? (info.pooling === 'rank' && vector ? vector.length : info.nEmbdOut);
      await writePart(
        stem,
        form,
        (first) => ({
          columns,
          dtype: values.outputDtype,
          isRows: info.pooling === 'none',
          dimensions: dimensionsOf(first?.vector),
          kinds,
          tokenDimensions: values.dimensions ?? info.nEmbdToken ?? 0,
        }),
        embedded,
        (rows) => {
          signal.throwIfAborted();
          meter.add(rows);
        },
        check,
      );
    }
  } finally {
    await rows.return(undefined);
  }
  log(meter.summary());
  if (meter.nFailures > 0)
    log(
      `the rows that failed are in ${failuresName(folder === undefined ? destination.stem : join(folder, 'part-*'))}`,
    );
}

/** The fields that the output has of a record. Each gets an `id`, so that rows can be told apart when others fail. */
function outputFields(values: OptionValues, { format }: OutputForm): RowOptions['fieldsOf'] {
  const { fields: given } = values;
  const kinds = vectorKinds(values);
  const wanted = given ?? (format === 'npy' ? [] : undefined);
  const names = wanted && ['id', ...wanted];
  return (fields: RecordFields, index: number) =>
    keptFields(fields.has('id') ? fields : new Map([['id', { value: index }], ...fields]), names, kinds);
}

function partsOf({ folder, stem }: Destination, nRows: number, rowsPerPart: number): Part[] {
  if (folder === undefined) return [{ stem, from: 0, to: nRows }];
  return Array.from({ length: Math.max(1, Math.ceil(nRows / rowsPerPart)) }, (_, i) => ({
    stem: join(folder, `part-${String(i).padStart(5, '0')}`),
    from: i * rowsPerPart,
    to: Math.min(nRows, (i + 1) * rowsPerPart),
  }));
}

/** Whether a part is whole: its main file gets its name last. */
function isThere({ stem }: Part, form: OutputForm): Promise<boolean> {
  const [main] = outputNames(stem, form).slice(-1);
  return stat(main).then(
    () => true,
    () => false,
  );
}
