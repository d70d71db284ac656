/**
 * @file The command `rerank`.
 */
import { ContextSizeError } from '../../engine/errors.ts';
import type { RankInput } from '../../engine/index.ts';
import { labelOf, withImages } from '../input/images.ts';
import { readInput, requireModelOption } from '../input/input.ts';
import { jsonLines } from '../input/jsonl.ts';
import { showProgress } from '../log.ts';
import { locatePair } from '../model/chosen-projector.ts';
import { loadOptions } from '../model/load.ts';
import { logUnusedOptions } from '../options/option-effects.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { forTerminal, write } from '../output/write.ts';
import { UsageError } from '../usage-error.ts';

/**
 * Reads one document from each line, as plain text or as a JSON string; an empty input has none.
 * @throws UsageError that names a line that is not a JSON string
 */
async function readDocuments(values: OptionValues): Promise<RankInput[]> {
  if (values.jsonl) {
    const documents: RankInput[] = [];
    for await (const lines of jsonLines({ file: values.file }, { images: true })) {
      for (const line of lines) {
        if ('problem' in line) throw new UsageError(line.problem);
        documents.push(line.input as RankInput);
      }
    }
    return documents;
  }
  const input = await readInput(values);
  return input === '' ? [] : input.split(/\r?\n/);
}

/** Prints documents by their scores. */
export async function rerank(parsed: Parsed): Promise<void> {
  const { values, positionals } = parsed;
  const model = requireModelOption(parsed);
  const { images = [], queryImages = [] } = values;
  if (values.query === undefined && queryImages.length === 0) throw new UsageError('no query: give it with -q TEXT');
  const query = queryImages.length > 0 ? withImages(queryImages, values.query ?? '') : (values.query ?? '');
  if (positionals.length > 0 && (values.file !== undefined || values.jsonl))
    throw new UsageError('documents are given twice: leave out the arguments, or -f and --jsonl');
  const hasOthers = positionals.length > 0 || images.length > 0;
  const texts = hasOthers && values.file === undefined && !values.jsonl ? positionals : await readDocuments(values);
  const documents: RankInput[] = [...texts, ...images.map((image) => ({ image }))];
  if (documents.length === 0)
    throw new UsageError('no documents: give them as arguments, or as lines of -f FILE or standard input');
  const { Reranker } = await import('../../engine/index.ts');
  const { path, mmproj } = await locatePair(model, values);
  const worker = documents.length > 1 || mmproj !== undefined ? undefined : false;
  const reranker = await Reranker.load(path, loadOptions(values, { mmproj, worker }));
  logUnusedOptions(values, reranker.info);
  try {
    const { results, nTokens } = await reranker
      .rank(query, documents, {
        topN: values.topN === undefined ? undefined : Math.min(values.topN, documents.length),
        scores: values.rankScores,
        onProgress: showProgress(),
      })
      .catch((error) => {
        if (error instanceof ContextSizeError) error.message = error.message.replace(/^input (?=\d)/, 'document ');
        throw error;
      });
    if (values.json) {
      await write(
        `${JSON.stringify(results.map((result) => ({ ...result, nTokens: nTokens[result.index], text: labelOf(documents[result.index]) })))}\n`,
      );
    } else {
      for (const { score, index } of results)
        await write(
          `${score.toFixed(6).padStart(11)}  ${index}  ${forTerminal(onOneLine(labelOf(documents[index])))}\n`,
        );
    }
  } finally {
    await reranker.dispose();
  }
}

/** A document on one line: line breaks become `\n` and `\r`. */
function onOneLine(document: string): string {
  return document.replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}
