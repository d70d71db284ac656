/**
 * @file JSON lines in: texts for `--jsonl`, in groups as they arrive.
 */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { cannotRead } from './input.ts';
import type { OptionValues } from './option-table.ts';
import { UsageError } from './usage-error.ts';

/** Longest line; a longer one is more likely a file of another kind. */
const MAX_LINE = 64 * 2 ** 20;
/** Most texts in one group. */
const MAX_GROUP = 256;
/** A group is also full with this many UTF-16 units of text. */
const MAX_GROUP_UNITS = 2 ** 18;

/**
 * The texts of `-f` or standard input, one JSON string a line, in groups of those that have arrived. Empty lines are
 * skipped. Nothing is read ahead of the group that is asked for but one chunk of the stream.
 * @throws UsageError naming the line that is no JSON string
 */
export async function* jsonLines({ prompt, file }: OptionValues): AsyncGenerator<string[]> {
  if (prompt !== undefined) throw new UsageError('--jsonl reads standard input or -f FILE, not -p');
  const stream = file === undefined ? process.stdin : await openStream(file);
  let group: string[] = [];
  let units = 0;
  let number = 0;
  for await (const lines of chunksOfLines(stream)) {
    for (const line of lines) {
      number++;
      if (line.trim() === '') continue;
      const text = parseLine(line, number);
      group.push(text);
      units += text.length;
      if (group.length < MAX_GROUP && units < MAX_GROUP_UNITS) continue;
      yield group;
      group = [];
      units = 0;
    }
    if (group.length > 0) yield group;
    group = [];
    units = 0;
  }
}

async function openStream(path: string): Promise<Readable> {
  const file = await open(path).catch((error: Error) => {
    throw cannotRead(path, error);
  });
  return file.createReadStream();
}

function parseLine(line: string, number: number): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new UsageError(`line ${number} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'string') throw new UsageError(`line ${number} must be a JSON string`);
  return value;
}

/** The complete lines that each chunk of the stream completes. */
async function* chunksOfLines(stream: Readable): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n');
    lines[0] = rest + lines[0];
    rest = lines.pop()!;
    if (rest.length > MAX_LINE) throw new UsageError(`a line is longer than ${MAX_LINE} characters`);
    if (lines.length > 0) yield lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield [rest];
}
