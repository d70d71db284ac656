/**
 * @file Reads the input text from `-p`, `-f` or standard input.
 */
import type { Readable } from 'node:stream';
import { systemReason } from '../../gguf/system-error.ts';
import { log } from '../log.ts';
import { type ChosenModel, chosenModel } from '../model/chosen-model.ts';
import type { OptionValues } from '../options/option-table.ts';
import type { Parsed } from '../options/parse-options.ts';
import { UsageError } from '../usage-error.ts';
import { files } from './files.ts';
import { cannotRead, readTextFile, requireRegularFile } from './read-file.ts';
import { decodeWhole } from './text-encoding.ts';

/** @throws UsageError when no option names a model, or for an argument that is not a flag */
export function requireModel(parsed: Parsed): ChosenModel {
  const { command, positionals } = parsed;
  if (positionals.length > 0) {
    const [first] = positionals;
    const hint =
      isModelName(first) || command === 'serve'
        ? `give a model with ${modelFlag(first)} ${first}`
        : command === 'embed' && /[./\\]/.test(first)
          ? 'give a text with -p, or say with --output where the records of files go'
          : 'give a text with -p';
    throw new UsageError(`unexpected argument "${first}" (${hint})`);
  }
  return requireModelOption(parsed);
}

function isModelName(argument: string): boolean {
  return /\.gguf(\.gz)?$/i.test(argument);
}

/** The flag that names such a model. */
function modelFlag(argument: string): string {
  if (/^https?:/.test(argument)) return '-mu';
  return isModelName(argument) || !/^[^/\\]+\/[^/\\]+$/.test(argument) ? '-m' : '-hf';
}

/** As `requireModel`, for commands with arguments. */
export function requireModelOption({ values, positionals }: Parsed): ChosenModel {
  const chosen = chosenModel(values);
  if (chosen !== undefined) return chosen;
  const given = positionals.find(isModelName);
  const orName = given === undefined ? ', or name one of the Hugging Face hub with -hf USER/REPO' : '';
  throw new UsageError(`no model: give a GGUF file with -m ${given ?? 'FILE'}${orName}`);
}

/**
 * The complete input as one text.
 * @throws UsageError for more than one source or a file that cannot be read
 */
export async function readInput({ prompt, file, stdin, readEscapes }: OptionValues): Promise<string> {
  if ([prompt !== undefined, file !== undefined, stdin].filter(Boolean).length > 1) {
    throw new UsageError('-p, -f and --stdin cannot be used together');
  }
  if (prompt !== undefined) return readEscapes ? resolveEscapes(prompt) : prompt;
  if (file !== undefined) return withoutLastBreak(await readTextFile('-f', file));
  const { stream, source } = await openInput(undefined);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return withoutLastBreak(decodeWhole(Buffer.concat(chunks), source));
}

/** A stream of bytes and its name for messages. */
interface Input {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly source: string;
}

/**
 * The bytes of a file, or of standard input if `path` is not given.
 * @throws UsageError for a file that cannot be opened; the stream throws one if reading fails
 */
export async function openInput(path: string | undefined): Promise<Input> {
  if (path === undefined) {
    announceTerminal();
    const source = 'standard input';
    return {
      stream: readable(process.stdin, (cause) => new UsageError(`cannot read ${source}: ${systemReason(cause)}`)),
      source,
    };
  }
  await requireRegularFile('-f', path);
  const unreadable = (cause: Error) => cannotRead('-f', path, cause);
  const file = await files()
    .open(path)
    .catch((cause: Error) => {
      throw unreadable(cause);
    });
  return { stream: readable(file.createReadStream(), unreadable), source: `-f: ${path}` };
}

async function* readable(stream: Readable, explain: (cause: Error) => Error): AsyncGenerator<Uint8Array> {
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw explain(cause as Error);
  }
}

/** Tells a user at a terminal that the program waits for input. */
function announceTerminal(): void {
  const end = process.platform === 'win32' ? 'Ctrl+Z and Enter' : 'Ctrl+D';
  if (process.stdin.isTTY) log(`reading input from this terminal: end it with ${end}`);
}

/** The text without a Unix or Windows line break at its end. */
function withoutLastBreak(input: string): string {
  return input.replace(/\r?\n$/, '');
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  "'": "'",
  '"': '"',
  '\\': '\\',
};

/** `\n`, `\r`, `\t`, `\'`, `\"`, `\\` and `\xHH` (one byte of ASCII); other backslashes are unchanged. */
function resolveEscapes(input: string): string {
  return input.replaceAll(/\\(?:x([0-7][0-9a-fA-F])|([nrt'"\\]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? escapes[letter] : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
