/**
 * @file Reads the input of `--jsonl`, in groups as lines arrive. An invalid line keeps its position among the others, so that
 * the lines before it are answered first.
 */
import type { MediaInput } from '../../engine/images/parts.ts';
import { loneSurrogate } from '../../engine/inputs/well-formed.ts';
import { fieldsOfJson, type RecordFields } from '../bulk/record.ts';
import { inputOf, RecordProblem } from '../bulk/record-input.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';
import { type ByteLine, byteLines } from './byte-lines.ts';
import { mediaOfJson } from './images.ts';
import { openInput } from './input.ts';
import { decodeText, describeBinary } from './text-encoding.ts';

/** Most lines in one group. */
const MAX_GROUP = 256;
/** Most bytes in one group. */
const MAX_GROUP_BYTES = 2 ** 18;

/** A line with an input. */
export interface InputLine {
  /** Counted from 1. */
  readonly number: number;
  readonly input: string | number[] | MediaInput;
  /** The object that the line holds, if its answer is that object again. */
  readonly record?: RecordFields;
}

/** What a line may be beside a string. */
export interface LineForms {
  /** An array of token ids. */
  readonly ids?: boolean;
  /** A record of texts and images. */
  readonly images?: boolean;
  /** An object with a text in the field of this name. */
  readonly textField?: string;
}

/** An invalid line. */
interface BadLine {
  readonly number: number;
  /** The problem, as a sentence that names the line. */
  readonly problem: string;
}

export type Line = InputLine | BadLine;

/**
 * The lines of `-f` or standard input, in groups of those that have arrived. Empty lines are left out. Reads at most
 * one chunk of the stream ahead of the requested group.
 * @throws UsageError for a stream that cannot be read
 */
export async function* jsonLines(
  { prompt, file, stdin }: Partial<Pick<OptionValues, 'prompt' | 'file' | 'stdin'>>,
  forms: LineForms = {},
): AsyncGenerator<Line[]> {
  if (prompt !== undefined) throw new UsageError('--jsonl reads standard input or -f FILE, not -p');
  if (file !== undefined && stdin) throw new UsageError('-f and --stdin cannot be used together');
  const { stream, source } = await openInput(file);
  let group: Line[] = [];
  let bytes = 0;
  for await (const lines of byteLines(stream, source)) {
    for (const line of lines) {
      const parsed = parseLine(line, forms);
      if (parsed === undefined) continue;
      group.push(parsed);
      bytes += line.bytes?.length ?? 0;
      if (group.length < MAX_GROUP && bytes < MAX_GROUP_BYTES) continue;
      yield group;
      group = [];
      bytes = 0;
    }
    if (group.length > 0) yield group;
    group = [];
    bytes = 0;
  }
}

/** The text of a line, or the problem with it. */
export function textOfLine({
  number,
  bytes,
  encoding,
}: ByteLine): { readonly text: string } | { readonly problem: string } {
  if (bytes === undefined) return { problem: 'is too long' };
  const format = number === 1 ? describeBinary(bytes) : undefined;
  if (format !== undefined) return { problem: `is not text: the input is ${format}` };
  const decoded = decodeText(bytes, encoding);
  if ('text' in decoded) return decoded;
  return {
    problem: `is not ${encoding.name} text: byte ${decoded.invalidAt} of the line does not begin a character`,
  };
}

/** The value of a line and its text, or the problem with it; `undefined` for an empty line. */
export function valueOfLine(
  line: ByteLine,
): { readonly value: unknown; readonly text: string } | { readonly problem: string } | undefined {
  const read = textOfLine(line);
  if ('problem' in read) return read;
  const { text } = read;
  if (text.trim() === '') return undefined;
  try {
    return { value: JSON.parse(text), text };
  } catch (error) {
    return { problem: `is not JSON: ${(error as Error).message}` };
  }
}

/** The input of a line; `undefined` for an empty line. */
function parseLine(line: ByteLine, { ids, images, textField }: LineForms): Line | undefined {
  const { number } = line;
  const bad = (problem: string): BadLine => ({ number, problem: `line ${number} ${problem}` });
  const parsed = valueOfLine(line);
  if (parsed === undefined) return undefined;
  if ('problem' in parsed) return bad(parsed.problem);
  const { value, text } = parsed;
  if (ids && Array.isArray(value) && value.length > 0 && value.every(Number.isInteger)) {
    return { number, input: value as number[] };
  }
  if (textField !== undefined && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const record = fieldsOfJson(text);
    try {
      return { number, input: inputOf(record, textField), record };
    } catch (error) {
      if (error instanceof RecordProblem) return bad(error.message);
      throw error;
    }
  }
  const media = images ? mediaOfJson(value) : undefined;
  if (media !== undefined) return { number, input: media };
  if (typeof value !== 'string') {
    const others = [
      ...(ids ? ['an array of token ids'] : []),
      ...(textField === undefined ? [] : ['an object with a text']),
      ...(images ? ['a record of texts and images'] : []),
    ];
    return bad(`must be ${['a JSON string', ...others].join(' or ')}`);
  }
  const half = loneSurrogate(value);
  return half === undefined ? { number, input: value } : bad(`has half of a surrogate pair at character ${half}`);
}
