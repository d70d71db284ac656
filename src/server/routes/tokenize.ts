/**
 * @file POST /tokenize and POST /detokenize.
 */
import type { Tokenizer } from '../../tokenizer/index.ts';
import { HttpError } from '../errors.ts';
import { JsonWriter } from '../json/writer.ts';
import type { Body, BodyContext } from '../request.ts';
import { checkBody, detokenizeBody, tokenizeBody } from '../schema/bodies.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * `{"tokens":[…]}`. Ids in the content are passed through; a leading text gets the special tokens.
 * @throws HttpError for invalid content or an id outside the vocabulary
 */
export async function tokenize({ state, fields, logTokens }: BodyContext): Promise<Body> {
  const { tokenizer } = state.engine;
  const { content, add_special, parse_special, with_pieces } = checkBody(tokenizeBody, await fields());
  const tokens: number[] = [];
  for (const [i, part] of (typeof content === 'string' ? [content] : (content ?? [])).entries()) {
    if (typeof part === 'number') tokens.push(checkId(part, `content[${i}]`, tokenizer));
    else if (part !== '' || add_special) {
      const ids = tokenizer.encode(part, { addSpecial: add_special && i === 0, parseSpecial: parse_special });
      for (const id of ids) tokens.push(id);
    }
  }
  logTokens(tokens.length);
  return with_pieces ? piecesJson(tokens, tokenizer) : JSON.stringify({ tokens });
}

/**
 * Answers `{"content":"…"}`, with special tokens as text.
 * @throws HttpError for a value that is not a list of ids, or an id outside the vocabulary
 */
export async function detokenize({ state, fields, logTokens }: BodyContext): Promise<string> {
  const { tokens } = checkBody(detokenizeBody, await fields());
  for (const [i, id] of tokens.entries()) checkId(id, `tokens[${i}]`, state.engine.tokenizer);
  logTokens(tokens.length);
  return JSON.stringify({ content: state.engine.detokenize(tokens) });
}

/** @throws HttpError with the id and its position */
function checkId(id: number, place: string, { vocab: { nTokens } }: Tokenizer): number {
  if (id >= 0 && id < nTokens) return id;
  throw new HttpError(
    'invalid_request_error',
    `${place} is ${id}, outside the vocabulary of ${nTokens} tokens (0 to ${nTokens - 1})`,
  );
}

function piecesJson(tokens: readonly number[], tokenizer: Tokenizer): Body {
  const json = new JsonWriter().raw('{"tokens":[');
  const seen = new Map<number, string>();
  for (const [i, id] of tokens.entries()) {
    let item = seen.get(id);
    if (item === undefined) seen.set(id, (item = JSON.stringify({ id, piece: jsonPiece(tokenizer.piece(id)) })));
    json.raw(i === 0 ? item : `,${item}`);
  }
  return json.raw(']}').finish();
}

/** A piece as text, or as byte values if it is not valid UTF-8. */
function jsonPiece(bytes: Uint8Array): string | number[] {
  try {
    return utf8.decode(bytes);
  } catch {
    return Array.from(bytes);
  }
}
