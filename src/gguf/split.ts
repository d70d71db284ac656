/**
 * @file Split models: `name-00001-of-00004.gguf` and its other parts, read as one file.
 *
 * The parts become one byte source: a new header (metadata of part 1, tensors of all parts), followed by the data of
 * each part. No other code needs to know that models can be split.
 */
import { GgufError } from './errors.ts';
import { MAX_SPLITS, MAX_TENSORS } from './limits.ts';
import { type GgufFile, openPart, splitCount } from './open.ts';
import { memorySink } from './sink.ts';
import type { ByteSource } from './source.ts';
import { checkRange, memorySource } from './sources.ts';
import { GgufWriter } from './writer.ts';

/** Opens another part by its name, which is derived from the name of the first part. */
export type OpenSibling = (name: string) => Promise<ByteSource>;

const PATTERN = /^(.*)-(\d{5})-of-(\d{5})(\.gguf(?:\.gz)?)$/s;

/** Whether the name is that of a part: `<prefix>-%05d-of-%05d.gguf`. */
export function isPartName(name: string): boolean {
  return PATTERN.test(name);
}

/** The names of all parts of the model that `name` is a part of; empty if it is not a part, or if there are too many parts. */
export function partNames(name: string): string[] {
  const [, prefix, , total, suffix] = PATTERN.exec(name) ?? [];
  const count = Number(total ?? 0);
  if (count > MAX_SPLITS) return [];
  return Array.from({ length: count }, (_, no) => partName(prefix, no + 1, total, suffix));
}

/** The names of all files of the model that `name` is a part of, or `name` alone. */
export function modelParts(name: string): string[] {
  const parts = partNames(name);
  return parts.length > 0 ? parts : [name];
}

function partName(prefix: string, no: number, total: string, suffix: string): string {
  return `${prefix}-${String(no).padStart(5, '0')}-of-${total}${suffix}`;
}

/** A part and its source. */
interface Part {
  readonly source: ByteSource;
  readonly file: GgufFile;
}

/**
 * One source over all parts of a split model, or `first` itself if it is not split. Closing the source closes all parts.
 * All are closed if this function throws.
 * @throws GgufError that names the part that is missing, is not the first, or does not belong to the others
 */
export async function joinParts(first: ByteSource, openSibling: OpenSibling): Promise<ByteSource> {
  const sources = [first];
  try {
    const parts: Part[] = [{ source: first, file: await openPart(first) }];
    const count = splitCount(parts[0].file);
    if (count === 1) return first;
    const [, prefix, , total, suffix] = checkFirst(parts[0].file, count);
    for (let no = 1; no < count; no++) {
      const name = partName(prefix, no + 1, total, suffix);
      const source = await openSibling(name).catch((cause) => {
        throw new GgufError(`part ${no + 1} of ${count} is missing: ${cause.message}`, { source: first.name, cause });
      });
      sources.push(source);
      parts.push({ source, file: await openPart(source) });
      checkPart(parts[no].file, no, parts[0].file);
    }
    return await joined(parts);
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
}

function checkFirst(first: GgufFile, count: number): RegExpExecArray {
  const { name: source, metadata } = first;
  const no = metadata.u16('split.no');
  if (count > MAX_SPLITS) {
    throw new GgufError(`the model has ${count} parts; at most ${MAX_SPLITS} are allowed`, {
      source,
      key: 'split.count',
    });
  }
  const match = PATTERN.exec(source);
  if (match === null) throw new GgufError('the name of a part must end like -00001-of-00004.gguf', { source });
  if (no !== 0 || Number(match[2]) !== 1) {
    throw new GgufError(
      `this is part ${(no ?? -1) + 1} of ${count} of a model, and its name says ${Number(match[2])}: open the first part`,
      { source, key: 'split.no', offset: metadata.offset('split.no') },
    );
  }
  if (Number(match[3]) !== count) {
    throw new GgufError(`the model has ${count} parts, but the name says ${Number(match[3])}`, {
      source,
      key: 'split.count',
      offset: metadata.offset('split.count'),
    });
  }
  return match;
}

function checkPart(part: GgufFile, no: number, first: GgufFile): void {
  const { metadata, name: source } = part;
  const expect = (key: string, found: unknown, expected: unknown) => {
    if (found === expected) return;
    throw new GgufError(`found ${found ?? 'nothing'}, but part ${no + 1} of ${first.name} must have ${expected}`, {
      source,
      key,
      offset: metadata.offset(key),
    });
  };
  expect('split.no', metadata.u16('split.no'), no);
  expect('split.count', metadata.u16('split.count'), first.metadata.u16('split.count'));
  const total = metadata.i32('split.tensors.count');
  if (total !== undefined) expect('split.tensors.count', total, first.metadata.i32('split.tensors.count'));
  if (part.littleEndian !== first.littleEndian) {
    throw new GgufError(`its byte order is not that of ${first.name}`, { source, offset: 4 });
  }
}

/** Where a range of the joined file comes from. */
interface Segment {
  /** In the joined file. */
  readonly begin: number;
  readonly end: number;
  readonly source: ByteSource;
  /** Of the first byte in `source`. */
  readonly offset: number;
}

async function joined(parts: readonly Part[]): Promise<ByteSource> {
  const first = parts[0].file;
  const header = await joinedHeader(parts.map((part) => part.file));
  const segments: Segment[] = [{ begin: 0, end: header.length, source: memorySource(header), offset: 0 }];
  let begin = header.length;
  for (const { source, file } of parts) {
    for (const { offset, byteLength } of file.tensors.values()) {
      segments.push({ begin, end: begin + byteLength, source, offset });
      begin += Math.ceil(byteLength / first.alignment) * first.alignment;
    }
  }
  const place = { name: first.name, size: begin };
  return {
    ...place,
    async read(offset, into) {
      checkRange(place, offset, into.length);
      await readSegments(segments, offset, into);
    },
    async close() {
      await Promise.all(parts.map(({ source }) => source.close()));
    },
  };
}

/** Header with the metadata of the first part without the `split.` keys, and the tensors of all parts. */
async function joinedHeader(parts: readonly GgufFile[]): Promise<Uint8Array> {
  const { name: source, metadata, littleEndian, version } = parts[0];
  const total = parts.reduce((sum, part) => sum + part.tensors.size, 0);
  const key = 'split.tensors.count';
  const announced = metadata.i32(key);
  if (total !== announced || total > MAX_TENSORS) {
    throw new GgufError(
      `the parts hold ${total} tensors, but split.tensors.count is ${announced ?? 'missing'} (at most ${MAX_TENSORS} are allowed)`,
      { source, key, offset: metadata.offset(key) },
    );
  }
  const sink = memorySink();
  const writer = new GgufWriter(sink, { littleEndian, version });
  for (const name of metadata.keys()) if (!name.startsWith('split.')) writer.set(name, metadata.typed(name)!);
  const seen = new Set<string>();
  for (const part of parts) {
    for (const { name, type, shape } of part.tensors.values()) {
      if (seen.has(name))
        throw new GgufError('an earlier part already has this tensor', { source: part.name, tensor: name });
      seen.add(name);
      writer.addTensor(name, type, shape);
    }
  }
  await writer.writeHeader();
  return sink.bytes();
}

async function readSegments(segments: readonly Segment[], offset: number, into: Uint8Array): Promise<void> {
  const last = offset + into.length;
  into.fill(0);
  for (let i = firstAt(segments, offset); i < segments.length && segments[i].begin < last; i++) {
    const { begin, end, source, offset: start } = segments[i];
    const from = Math.max(begin, offset);
    const to = Math.min(end, last);
    if (from < to) await source.read(start + from - begin, into.subarray(from - offset, to - offset));
  }
}

/** Index of the first segment that ends after `offset`. */
function firstAt(segments: readonly Segment[], offset: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle].end > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
