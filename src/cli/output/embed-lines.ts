/**
 * @file `embed --jsonl`: a string or token ids are answered by their vector, an object by itself with its vector.
 */
import { ContextSizeError, type InputError } from '../../engine/errors.ts';
import type { Embedder, EmbedOptions, Prompt } from '../../engine/index.ts';
import { type Chunking, chunkingOf, embedChunksOf } from '../bulk/chunk-records.ts';
import { embedEach } from '../bulk/embed-each.ts';
import { RecordProblem } from '../bulk/record-input.ts';
import { jsonKinds, jsonRecord, jsonVector, keptFields } from '../bulk/record-json.ts';
import type { InputLine } from '../input/jsonl.ts';
import { log } from '../log.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';
import { answerLines } from './answer-lines.ts';
import { isDenseAlone, vectorKinds } from './vector-kinds.ts';

/** Answers the lines of `-f` or standard input. @throws what `answerLines` throws */
export async function embedLines(
  embedder: Embedder,
  values: OptionValues,
  options: EmbedOptions,
  prompt: Prompt | undefined,
): Promise<void> {
  const { outputDtype: dtype, fields, textField, onError } = values;
  const chunking = chunkingOf(values);
  const isRows = embedder.info.pooling === 'none';
  const kinds = vectorKinds(values);
  await answerLines(values, {
    done: 'embedded',
    forms: { ids: true, images: true, textField },
    async answer(lines) {
      if (chunking !== undefined) {
        const how = { prompt, chunking, options };
        return Promise.all(lines.map((line) => chunkedLine(embedder, line, how, values)));
      }
      const inputs = lines.map(({ input }) => input);
      const results = await embedEach(embedder, inputs, { ...options, prompt }, onError === 'stop');
      return results.map((result, i) => {
        if (!('vector' in result)) return result;
        const { number, record } = lines[i];
        if (result.truncated) log(`line ${number} was cut to the context`);
        const shape = { dimensions: result.dimensions, isRows, dtype, kinds };
        if (record !== undefined) return jsonRecord({ ...result, fields: keptFields(record, fields, kinds) }, shape);
        return isDenseAlone(kinds) ? jsonVector(result.vector, shape) : `{${jsonKinds(result, shape).join(',')}}`;
      });
    },
  });
}

/** The records of the chunks of a line, or why there are none. A string counts as a record. */
async function chunkedLine(
  embedder: Embedder,
  { input, record, number }: InputLine,
  { prompt, chunking, options }: { prompt: Prompt | undefined; chunking: Chunking; options: EmbedOptions },
  { textField, fields: wanted, outputDtype: dtype }: OptionValues,
): Promise<string | InputError | UsageError> {
  const fields = record ?? (typeof input === 'string' ? new Map([[textField, { value: input }]]) : undefined);
  if (fields === undefined) return new UsageError(`line ${number} is no text: --chunk takes strings and records`);
  try {
    const source = { fields, kept: keptFields(fields, wanted), textField, prompt };
    const records = await embedChunksOf(embedder, source, chunking, options);
    const { length: dimensions } = records[0].vector;
    return records.map((one) => jsonRecord(one, { dimensions, isRows: false, dtype, kinds: ['dense'] })).join('\n');
  } catch (error) {
    if (error instanceof ContextSizeError) return error;
    if (error instanceof RecordProblem) return new UsageError(`line ${number} ${error.message}`);
    throw error;
  }
}
