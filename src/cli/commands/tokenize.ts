/**
 * @file The command `tokenize`.
 */
import { loadTokenizer } from '../../engine/load/tokenizer.ts';
import { escapeControls } from '../../gguf/escape.ts';
import { readInput, requireModel } from '../input/input.ts';
import { log } from '../log.ts';
import { readMetadataValues } from '../options/metadata-values.ts';
import type { Parsed } from '../options/parse-options.ts';
import { answerLines } from '../output/answer-lines.ts';
import { write } from '../output/write.ts';

/** Prints the tokens of a text. */
export async function tokenize(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const overrides = values.overrideKv && readMetadataValues(values.overrideKv, '--override-kv');
  const tokenizer = await loadTokenizer(await requireModel(parsed).locate(), { overrides, onWarning: log });
  const encode = (text: string) =>
    tokenizer.encode(text, { addSpecial: !values.noBos, parseSpecial: !values.noParseSpecial });
  if (values.jsonl) {
    await answerLines(values, {
      done: 'tokenized',
      answer: async (lines) => lines.map(({ input }) => JSON.stringify(encode(input as string))),
    });
    return;
  }
  const ids = encode(await readInput(values));
  if (values.ids) await write(`[${ids.join(', ')}]\n`);
  else {
    for (const id of ids) {
      await write(`${String(id).padStart(6)} -> '`);
      await write(shownPiece(tokenizer.piece(id)));
      await write("'\n");
    }
  }
  if (values.showCount) await write(`Total number of tokens: ${ids.length}\n`);
}

/** The bytes of a piece, which may be part of a character. On a terminal, control characters are escaped. */
function shownPiece(piece: Uint8Array): Uint8Array | string {
  return process.stdout.isTTY ? escapeControls(new TextDecoder().decode(piece)) : piece;
}
