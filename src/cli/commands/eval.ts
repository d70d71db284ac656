/**
 * @file The command `eval`.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DataError } from '../../audit/eval/data-error.ts';
import type { EmbedTexts } from '../../audit/eval/embed-texts.ts';
import {
  evaluateRetrieval,
  type IdentifiedText,
  type RetrievalData,
  type RetrievalResult,
  readIdentifiedText,
  readJudgements,
} from '../../audit/eval/retrieval.ts';
import { evaluateSts, readPairs, type StsResult } from '../../audit/eval/sts.ts';
import type { Embedder } from '../../engine/index.ts';
import { type ByteLine, byteLines } from '../input/byte-lines.ts';
import { chosenPrompts } from '../input/chosen-prompt.ts';
import { requireModelOption } from '../input/input.ts';
import { textOfLine } from '../input/jsonl.ts';
import { cannotRead, readTextFile, requireRegularFile } from '../input/read-file.ts';
import { lineCounter, log, showProgress } from '../log.ts';
import { loadEmbedder } from '../model/load.ts';
import { refuseOptions } from '../options/option-effects.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { write } from '../output/write.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

/** Documents that are embedded together. */
const GROUP = 256;

/** Prints how good the vectors of a model are on a data set. */
export async function evaluate({ values, positionals, ...parsed }: Parsed): Promise<void> {
  const [path, ...others] = positionals;
  const model = requireModelOption({ ...parsed, values, positionals });
  if (path === undefined || others.length > 0) throw new UsageError('give one data set: gguf-embed eval -m FILE DATA');
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    refuseOptions(
      values,
      ['split', 'documentPrefix', 'documentPromptName'],
      'works with a folder as DATA only, not with a table; remove it',
    );
  }
  const evaluation = isFolder ? await retrievalOf(path, values.split) : await stsOf(path);
  const embedder = await loadEmbedder(await model.locate(), values);
  try {
    const { pooling } = embedder.info;
    if (pooling === 'none' || pooling === 'rank') {
      throw new UsageError(`pooling ${pooling} gives no vector of a text: choose another --pooling`);
    }
    const embed = await embedTexts(embedder, values, isFolder);
    const start = performance.now();
    const result = await evaluation(embed).catch((cause) => {
      throw cause instanceof DataError ? new UsageError(`${path}: ${cause.message}`, { cause }) : cause;
    });
    const seconds = (performance.now() - start) / 1000;
    if (result.nTruncated > 0) log(`${plural(result.nTruncated, 'text was', 'texts were')} cut to the context`);
    await write(values.json ? json(result, embedder, path, seconds) : forPeople(result, seconds));
  } finally {
    await embedder.dispose();
  }
}

type Evaluation = (embed: EmbedTexts) => Promise<StsResult | RetrievalResult>;

async function stsOf(path: string): Promise<Evaluation> {
  const text = await readTextFile('DATA', path);
  const pairs = named(path, () => readPairs(text));
  return (embed) => evaluateSts(pairs, embed);
}

async function retrievalOf(folder: string, split: string): Promise<Evaluation> {
  const qrels = join(folder, 'qrels', `${split}.tsv`);
  if (!(await isFile(qrels))) {
    const there = await readdir(join(folder, 'qrels')).catch(() => []);
    const splits = there.filter((name) => name.endsWith('.tsv')).map((name) => name.slice(0, -4));
    const hint = splits.length > 0 ? `; --split can be ${splits.join(', ')}` : '';
    throw new UsageError(`${folder} has no judgements in qrels/${split}.tsv${hint}`);
  }
  const judgementsText = await readTextFile('DATA', qrels);
  const judgements = named(qrels, () => readJudgements(judgementsText));
  const queries: IdentifiedText[] = [];
  for await (const group of identifiedTexts(join(folder, 'queries.jsonl'))) queries.push(...group);
  const corpus = join(folder, 'corpus.jsonl');
  await requireRegularFile('DATA', corpus);
  const data: RetrievalData = { queries, judgements, documents: countedGroups(identifiedTexts(corpus)) };
  return (embed) => evaluateRetrieval(data, embed);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** The error of `read` with the file's name before it. */
function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof DataError ? new UsageError(`${path}: ${cause.message}`, { cause }) : cause;
  }
}

/**
 * The texts of a file of JSON lines, in groups.
 * @throws DataError for a line that holds none; UsageError for a file that cannot be read
 */
async function* identifiedTexts(path: string): AsyncGenerator<IdentifiedText[]> {
  await requireRegularFile('DATA', path);
  let group: IdentifiedText[] = [];
  for await (const lines of linesOf(path)) {
    for (const line of lines) {
      const what = `line ${line.number} of ${basename(path)}`;
      const read = textOfLine(line);
      if ('problem' in read) throw new DataError(`${what} ${read.problem}`);
      if (read.text.trim() === '') continue;
      group.push(readIdentifiedText(read.text, what));
      if (group.length < GROUP) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

async function* linesOf(path: string): AsyncGenerator<ByteLine[]> {
  try {
    yield* byteLines(createReadStream(path), path);
  } catch (error) {
    throw error instanceof UsageError ? error : cannotRead('DATA', path, error as Error);
  }
}

async function* countedGroups<T>(groups: AsyncIterable<readonly T[]>): AsyncGenerator<readonly T[]> {
  const counter = lineCounter('of the corpus embedded');
  for await (const group of groups) {
    yield group;
    counter.add(group.length);
  }
  counter.end();
}

/** @param isRetrieval whether the data says which texts are queries and which are documents */
async function embedTexts(embedder: Embedder, values: OptionValues, isRetrieval: boolean): Promise<EmbedTexts> {
  const { info } = embedder;
  const prompts = await chosenPrompts(values, info);
  return async (texts, kind) => {
    const prefix = kind === 'query' ? values.queryPrefix : values.documentPrefix;
    const { vectors, truncated } = await embedder.embed(
      texts.map((text) => prefix + text),
      {
        ...prompts[kind],
        ...(isRetrieval && info.hasInputTypes && { inputType: kind }),
        dimensions: values.dimensions,
        truncate: values.truncate === 'no' ? false : values.truncate,
        onProgress: kind === 'query' ? showProgress() : undefined,
      },
    );
    return { vectors, nTruncated: truncated.filter(Boolean).length };
  };
}

function json(result: StsResult | RetrievalResult, { info }: Embedder, data: string, seconds: number): string {
  const { name, ftype, backend, precision, pooling } = info;
  return `${JSON.stringify({ model: name, ftype, backend, precision, pooling, data, ...result, seconds })}\n`;
}

function forPeople(result: StsResult | RetrievalResult, seconds: number): string {
  const percent = (value: number) => (100 * value).toFixed(2);
  if (result.task === 'sts') {
    return `Spearman ${percent(result.spearman)}, Pearson ${percent(result.pearson)} (× 100), ${plural(result.nPairs, 'pair')}, ${seconds.toFixed(1)} s\n`;
  }
  const { nQueries, nDocuments } = result;
  const measures = (['ndcg@10', 'recall@10', 'recall@100'] as const).map((name) => `${name} ${percent(result[name])}`);
  return `${measures.join(', ')} (× 100), ${plural(nQueries, 'query', 'queries')}, ${plural(nDocuments, 'document')}, ${seconds.toFixed(1)} s\n`;
}
