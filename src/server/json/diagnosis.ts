/**
 * @file Finds where and why bytes are not valid JSON, and reports it in the words of llama-server's JSON library. It runs only
 * when parsing fails or when the text may have a lone surrogate, which JavaScript accepts.
 */
import { Lexer, LexerError, type Token } from './lexer.ts';

/** The tokens that can start a value. */
const ANY_VALUE = "'[', '{', or a literal";

/** @returns the complete message, `undefined` for valid JSON */
export function diagnoseJson(bytes: Uint8Array): string | undefined {
  const lexer = new Lexer(bytes);
  try {
    return parse(lexer);
  } catch (error) {
    if (error instanceof LexerError) return error.message;
    throw error;
  }
}

/** Walks the grammar with an explicit stack, so that nesting uses memory and not the call stack. */
function parse(lexer: Lexer): string | undefined {
  const stack: ('array' | 'object')[] = [];
  const fail = (context: string, token: Token, expected?: string) =>
    lexer.message(context, `unexpected ${lexer.describe(token)}`, expected);

  let token = lexer.next('value');
  for (;;) {
    // `token` starts a value.
    if (token === "'['") {
      token = lexer.next('value');
      if (token !== "']'") {
        stack.push('array');
        continue;
      }
    } else if (token === "'{'") {
      token = lexer.next('object key');
      if (token !== "'}'") {
        const problem = key(lexer, token, fail);
        if (problem !== undefined) return problem;
        stack.push('object');
        token = lexer.next('value');
        continue;
      }
    } else if (token === 'end of input' && lexer.nothingRead) {
      return lexer.positioned(
        'attempting to parse an empty input; check that your input string or stream contains the expected JSON',
      );
    } else if (token !== 'literal' && token !== 'string literal' && token !== 'number literal') {
      return fail('value', token, ANY_VALUE);
    }

    // A value ends here. Its container decides what may follow.
    for (;;) {
      const inside = stack.at(-1);
      if (inside === undefined) {
        token = lexer.next('value', 'end of input');
        return token === 'end of input' ? undefined : fail('value', token, 'end of input');
      }
      const end = inside === 'array' ? "']'" : "'}'";
      token = lexer.next(inside, end);
      if (token === end) {
        stack.pop();
        continue;
      }
      if (token !== "','") return fail(inside, token, end);
      if (inside === 'array') token = lexer.next('value');
      else {
        const problem = key(lexer, lexer.next('object key', 'string literal'), fail);
        if (problem !== undefined) return problem;
        token = lexer.next('value');
      }
      break;
    }
  }
}

/** Reads a key and its colon. */
function key(
  lexer: Lexer,
  token: Token,
  fail: (context: string, token: Token, expected?: string) => string,
): string | undefined {
  if (token !== 'string literal') return fail('object key', token, 'string literal');
  const colon = lexer.next('object separator', "':'");
  return colon === "':'" ? undefined : fail('object separator', colon, "':'");
}
