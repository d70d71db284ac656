/**
 * @file The command `rerank`.
 */
import { readInput, requireModelOption } from './input.ts';
import { loadOptions } from './load.ts';
import { showProgress } from './log.ts';
import type { OptionValues } from './option-table.ts';
import type { Parsed } from './parse-options.ts';
import { UsageError } from './usage-error.ts';
import { write } from './write.ts';

/** The lines of the input; none of an empty one. */
async function readLines(values: OptionValues): Promise<string[]> {
  const input = await readInput(values);
  return input === '' ? [] : input.split('\n').map((line) => line.replace(/\r$/, ''));
}

/** Prints documents by their scores. */
export async function rerank({ values, positionals }: Parsed): Promise<void> {
  const path = requireModelOption(values);
  if (values.query === undefined) throw new UsageError('no query: give it with -q TEXT');
  if (positionals.length > 0 && values.file !== undefined)
    throw new UsageError('documents are arguments or in -f, not both');
  const documents = positionals.length > 0 ? positionals : await readLines(values);
  if (documents.length === 0)
    throw new UsageError('no documents: they are arguments, or lines of -f FILE or standard input');
  const { Reranker } = await import('../engine/index.ts');
  const reranker = await Reranker.load(path, loadOptions(values, { worker: documents.length > 1 ? undefined : false }));
  try {
    const { results, nTokens } = await reranker.rank(values.query, documents, {
      topN: values.topN === undefined ? undefined : Math.min(values.topN, documents.length),
      scores: values.rankScores,
      onProgress: showProgress(),
    });
    if (values.json) {
      await write(
        `${JSON.stringify(results.map((result) => ({ ...result, nTokens: nTokens[result.index], text: documents[result.index] })))}\n`,
      );
    } else {
      for (const { score, index } of results)
        await write(`${score.toFixed(6).padStart(11)}  ${index}  ${documents[index]}\n`);
    }
  } finally {
    await reranker.dispose();
  }
}
