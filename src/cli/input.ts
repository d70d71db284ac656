/**
 * @file Where the text comes from: `-p`, `-f` or standard input.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { OptionValues } from './option-table.ts';
import type { Parsed } from './parse-options.ts';
import { UsageError } from './usage-error.ts';

/** @throws UsageError without `-m` */
export function requireModel({ values, positionals }: Parsed): string {
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}" (a text is given with -p)`);
  return requireModelOption(values);
}

/** The same where other arguments mean something. */
export function requireModelOption({ model }: OptionValues): string {
  if (model === undefined) throw new UsageError('no model: give a GGUF file with -m FILE');
  return model;
}

/**
 * The whole input as one text.
 * @throws UsageError for more than one source or a file that cannot be read
 */
export async function readInput({ prompt, file, stdin, readEscapes }: OptionValues): Promise<string> {
  if ([prompt !== undefined, file !== undefined, stdin].filter(Boolean).length > 1) {
    throw new UsageError('-p, -f and --stdin exclude each other');
  }
  if (prompt !== undefined) return readEscapes ? resolveEscapes(prompt) : prompt;
  if (file !== undefined) return withoutLastBreak(await readText(file));
  return withoutLastBreak(await text(process.stdin));
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw cannotRead(path, error);
  });
}

/** What to say about a file of texts that cannot be read. */
export function cannotRead(path: string, cause: Error): UsageError {
  return new UsageError(`cannot read ${path}: ${cause.message}`, { cause });
}

function withoutLastBreak(input: string): string {
  return input.endsWith('\n') ? input.slice(0, -1) : input;
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  "'": "'",
  '"': '"',
  '\\': '\\',
};

/** `\n`, `\r`, `\t`, `\'`, `\"`, `\\` and `\xHH` (one byte of ASCII); any other backslash stays. */
export function resolveEscapes(input: string): string {
  return input.replaceAll(/\\(?:x([0-7][0-9a-fA-F])|([nrt'"\\]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? escapes[letter] : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
