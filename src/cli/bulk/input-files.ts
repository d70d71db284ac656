/**
 * @file The input files of a job: arguments that are files, folders or patterns, and the format of each file.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { unreadable } from '../input/read-file.ts';
import { UsageError } from '../usage-error.ts';
import type { InputFormat } from './input-formats.ts';
import { isNameOfPart } from './output-forms.ts';

/** One input file. */
export interface InputFile {
  readonly path: string;
  /** What messages and the manifest call it. */
  readonly name: string;
  readonly format: InputFormat;
  readonly compression: 'gzip' | 'zstd' | undefined;
}

const formatOfExtension: Readonly<Record<string, InputFormat>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
  txt: 'text',
  md: 'file',
  markdown: 'file',
  parquet: 'parquet',
  pq: 'parquet',
  png: 'image',
  jpg: 'image',
  jpeg: 'image',
  webp: 'image',
  gif: 'image',
  bmp: 'image',
};

/** The files that arguments stand for, and how many files of folders were left out because their names do not say their format. */
export interface InputFiles {
  readonly files: readonly InputFile[];
  readonly nLeftOut: number;
}

/**
 * Finds the files: an argument is a file, a folder (all files below it whose format is known), or a pattern with `*`, `**`, `?` or `[…]`.
 * Files of one argument are in the order of their names.
 * @param format the format of all files; by default each file's name says it
 * @param outputFolder its parts are no inputs, unless an argument names one: a folder of inputs may hold it
 * @throws UsageError for an argument without a file, or a file of an unknown format
 */
export async function findInputs(
  names: readonly string[],
  format: InputFormat | undefined,
  outputFolder: string | undefined,
): Promise<InputFiles> {
  const files: InputFile[] = [];
  const parts = outputFolder === undefined ? undefined : resolve(outputFolder);
  const isInput = (path: string) => resolve(dirname(path)) !== parts || !isNameOfPart(basename(path));
  let nLeftOut = 0;
  for (const name of names) {
    const found = await stat(name).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) {
      if (!/[*?[]/.test(name)) throw unreadable(name, found);
      const matching = (await matchingFiles(name)).filter(isInput);
      if (matching.length === 0) throw new UsageError(`no file matches ${name}`);
      for (const path of matching) files.push(inputFile(path, format));
      continue;
    }
    if (!found.isDirectory()) {
      files.push(inputFile(name, format));
      continue;
    }
    const below = (await filesBelow(name)).filter(isInput);
    const known = below.filter((path) => format !== undefined || formatByName(path).format !== undefined);
    if (known.length === 0) throw new UsageError(`${name} has no file of a known format (${extensions()})`);
    nLeftOut += below.length - known.length;
    for (const path of known) files.push(inputFile(path, format));
  }
  const seen = new Set<string>();
  for (const { path } of files) {
    const whole = resolve(path);
    if (seen.has(whole)) throw new UsageError(`${path} is named twice`);
    seen.add(whole);
  }
  await Promise.all(files.map(requireRegular));
  return { files, nLeftOut };
}

/** @throws UsageError when neither the name nor `given` says the format */
function inputFile(path: string, given: InputFormat | undefined): InputFile {
  const { format = given, compression } = formatByName(path);
  if (format === undefined) {
    throw new UsageError(`the name of ${path} does not say its format (${extensions()}): give it with --input-format`);
  }
  return { path, name: path, format: given ?? format, compression };
}

/** @throws UsageError for what can be read only once */
async function requireRegular({ path }: InputFile): Promise<void> {
  const found = await stat(path).catch((error: Error) => {
    throw unreadable(path, error);
  });
  if (!found.isFile()) {
    throw new UsageError(
      `${path} is not a regular file, and inputs are read twice: give the records of a pipe on standard input`,
    );
  }
}

function formatByName(path: string): { format: InputFormat | undefined; compression: InputFile['compression'] } {
  const compression = /\.gz$/i.test(path) ? 'gzip' : /\.zst$/i.test(path) ? 'zstd' : undefined;
  const [, extension = ''] = /\.([^./\\]+)(?:\.(?:gz|zst))?$/i.exec(path) ?? [];
  return { format: formatOfExtension[extension.toLowerCase()], compression };
}

function extensions(): string {
  return Object.keys(formatOfExtension).join(', ');
}

/** All files below a folder in the order of their names; hidden ones are left out. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw unreadable(folder, error);
  });
  const files: string[] = [];
  for (const entry of entries.sort(byName)) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) for (const below of await filesBelow(path)) files.push(below);
    else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
  }
  return files;
}

/** By code units, so that the order does not depend on the locale. */
function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}

async function matchingFiles(pattern: string): Promise<string[]> {
  const parts = pattern.replaceAll('\\', '/').split('/');
  const nFixed = parts.findIndex((part) => /[*?[]/.test(part));
  const folder = parts.slice(0, nFixed).join('/') || (pattern.startsWith('/') ? '/' : '.');
  const matcher = new RegExp(`^${parts.slice(nFixed).map(regexOfPart).join('')}$`);
  const below = await filesBelow(folder);
  const skipped = folder === '.' ? 0 : join(folder, 'x').length - 1;
  return below.filter((path) => matcher.test(path.slice(skipped).replaceAll('\\', '/')));
}

/** `**` stands for any folders, `*` and `?` for letters of one name. */
function regexOfPart(part: string, index: number, parts: readonly string[]): string {
  const isLast = index === parts.length - 1;
  if (part === '**') return isLast ? '.*' : '(?:[^/]+/)*';
  const letters = part.replaceAll(/\[!|\*|\?|[.+^${}()|\\]/g, (found) =>
    found === '*' ? '[^/]*' : found === '?' ? '[^/]' : found === '[!' ? '[^' : `\\${found}`,
  );
  return isLast ? letters : `${letters}/`;
}
