/**
 * @file The command `tokenize`.
 */
import { loadTokenizer } from '../engine/tokenizer.ts';
import { readInput, requireModel } from './input.ts';
import { jsonLines } from './jsonl.ts';
import { lineCounter } from './log.ts';
import type { Parsed } from './parse-options.ts';
import { write } from './write.ts';

/** Prints the tokens of a text. */
export async function tokenize(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const tokenizer = await loadTokenizer(requireModel(parsed));
  const encode = (text: string) =>
    tokenizer.encode(text, { addSpecial: !values.noBos, parseSpecial: !values.noParseSpecial });
  if (values.jsonl) {
    const counter = lineCounter('tokenized');
    for await (const texts of jsonLines(values)) {
      await write(texts.map((text) => `${JSON.stringify(encode(text))}\n`).join(''));
      counter.add(texts.length);
    }
    counter.end();
    return;
  }
  const ids = encode(await readInput(values));
  if (values.ids) await write(`[${ids.join(', ')}]\n`);
  else {
    for (const id of ids) {
      await write(`${String(id).padStart(6)} -> '`);
      await write(tokenizer.piece(id));
      await write("'\n");
    }
  }
  if (values.showCount) await write(`Total number of tokens: ${ids.length}\n`);
}
