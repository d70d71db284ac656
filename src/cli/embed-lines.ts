/**
 * @file `embed --jsonl`: a string or token ids are answered by their vector, an object by itself with its vector.
 */
import type { Embedder, EmbedOptions } from '../engine/index.ts';
import { answerLines } from './answer-lines.ts';
import { embedEach } from './bulk/embed-each.ts';
import { withPrompt } from './bulk/record-input.ts';
import { jsonRecord, jsonVector, keptFields } from './bulk/record-json.ts';
import { log } from './log.ts';
import type { OptionValues } from './option-table.ts';

/** Answers the lines of `-f` or standard input. @throws what `answerLines` throws */
export async function embedLines(
  embedder: Embedder,
  values: OptionValues,
  options: EmbedOptions,
  prompt: string,
): Promise<void> {
  const { outputDtype: dtype, fields, textField, onError } = values;
  const isRows = embedder.info.pooling === 'none';
  await answerLines(values, {
    done: 'embedded',
    forms: { ids: true, images: true, textField },
    async answer(lines) {
      const inputs = lines.map(({ input }) => withPrompt(input, prompt));
      const results = await embedEach(embedder, inputs, options, onError === 'stop');
      return results.map((result, i) => {
        if (!('vector' in result)) return result;
        const { number, record } = lines[i];
        if (result.truncated) log(`line ${number} was cut to the context`);
        const shape = { dimensions: result.dimensions, isRows, dtype };
        if (record === undefined) return jsonVector(result.vector, shape);
        return jsonRecord({ ...result, fields: keptFields(record, fields) }, shape);
      });
    },
  });
}
