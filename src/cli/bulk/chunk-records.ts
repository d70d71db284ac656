/**
 * @file `--chunk`: a record for each chunk of a record's text.
 */
import type { Embedder, EmbedOptions, Prompt } from '../../engine/index.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';
import type { RecordFields } from './record.ts';
import { hasImages, RecordProblem, textOf } from './record-input.ts';
import { chunkFields, type EmbeddedRecord } from './record-json.ts';

/** How texts are cut. */
export interface Chunking {
  readonly tokens: number;
  readonly overlap: number;
  readonly late: boolean;
}

/** What `--chunk` and `--chunk-late` say. @throws UsageError */
export function chunkingOf({ chunk, chunkLate }: OptionValues): Chunking | undefined {
  if (chunk === undefined) return undefined;
  const values = { tokens: 256, overlap: 0 };
  for (const part of chunk.split(',')) {
    const [, name, value] = /^(tokens|overlap)=(\d{1,9})$/.exec(part.trim()) ?? [];
    if (name === undefined) throw new UsageError(`--chunk must be like tokens=256,overlap=32, not "${chunk}"`);
    values[name as keyof typeof values] = Number(value);
  }
  return { ...values, late: chunkLate };
}

/** A record whose text is cut. */
export interface ChunkSource {
  readonly fields: RecordFields;
  /** The fields that the records of its chunks have, too. */
  readonly kept: RecordFields;
  readonly textField: string;
  readonly prompt: Prompt | undefined;
}

/**
 * The records of the chunks of one record: its fields with the chunk in the place of the text, and which one it is.
 * @throws RecordProblem for a record without a text, or with images; what `embedChunks` throws
 */
export async function embedChunksOf(
  embedder: Embedder,
  { fields, kept, textField, prompt }: ChunkSource,
  chunking: Chunking,
  { normalize, dimensions, inputType, signal }: EmbedOptions,
): Promise<EmbeddedRecord[]> {
  if (hasImages(fields)) throw new RecordProblem('has an image, which cannot be cut into chunks');
  const text = textOf(fields, textField);
  const { chunks } = await embedder.embedChunks(text, {
    ...chunking,
    prompt,
    normalize,
    dimensions,
    inputType,
    signal,
  });
  if (chunks.length === 0) throw new RecordProblem('has an empty text, of which there are no chunks');
  const charactersBefore = characterCounter(text);
  return chunks.map((one, i) => {
    const place = { chunk: i, chunk_start: charactersBefore(one.start), chunk_end: charactersBefore(one.end) };
    const { vector, nTokens } = one;
    return { fields: chunkFields(kept, textField, one.text, place), vector, nTokens, truncated: false };
  });
}

/** Counts the Unicode characters before positions that are in UTF-16 units. Goes on from the last position. */
function characterCounter(text: string): (position: number) => number {
  let [units, characters] = [0, 0];
  return (position) => {
    characters += position >= units ? lengthOf(text.slice(units, position)) : -lengthOf(text.slice(position, units));
    units = position;
    return characters;
  };
}

/** The number of code points. */
function lengthOf(text: string): number {
  let n = 0;
  for (const _ of text) n++;
  return n;
}
