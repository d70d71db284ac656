/**
 * @file How deep a YAML text is nested, before it is parsed. The parser calls itself for each level, and where the stack ends inside
 * the compiler of regular expressions, V8 of Node 20 ends the process instead of throwing.
 */
import { Lexer } from 'yaml';

/** Levels of `[` and `{`. Real files have a few. */
const MAX_FLOW_DEPTH = 100;

/** Column where the first text of a line may be. A level by indentation takes at least one column, or a list and its key share one. */
const MAX_COLUMN = 200;

/** What the lexer puts before the text of a scalar. */
const SCALAR_FOLLOWS = '\x1f';
/** The other tokens of the lexer that are not in the source: a document begins, a collection ends without its bracket. */
const notInSource = ['\x02', '\x18'];

/** The line, from 1, at which a YAML text has more levels than the parser is sure to hold, or `undefined`. */
export function lineNestedTooDeeply(source: string): number | undefined {
  let [line, column, depth] = [1, 0, 0];
  let isIndentation = true;
  let isScalar = false;
  for (const token of new Lexer().lex(source)) {
    if (notInSource.includes(token)) continue;
    const wasScalar = isScalar;
    isScalar = token === SCALAR_FOLLOWS;
    if (isScalar) continue;
    if (!wasScalar && (token === '[' || token === '{')) depth++;
    if (!wasScalar && (token === ']' || token === '}')) depth = Math.max(0, depth - 1);
    if (isIndentation && depth === 0 && column > MAX_COLUMN && !/^[\s#]/.test(token)) return line;
    if (depth > MAX_FLOW_DEPTH) return line;
    if (wasScalar || !/^[\s?:-]*$/.test(token)) isIndentation = false;
    const newline = token.lastIndexOf('\n');
    if (newline >= 0) {
      line += token.split('\n').length - 1;
      isIndentation = true;
      column = 0;
    }
    column += token.length - (newline + 1);
  }
  return undefined;
}
