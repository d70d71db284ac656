/**
 * @file Changes the metadata of a GGUF file on disk: in place if the new header fits, otherwise by writing a new file.
 */
import { open } from 'node:fs/promises';
import { createFile } from './create-file.node.ts';
import { openFile, openModelFile } from './file.node.ts';
import { type GgufFile, openGguf } from './open.ts';
import { changedValues, type MetadataChanges } from './override.ts';
import type { TensorInfo } from './read-tensors.ts';
import { type ByteSink, memorySink } from './sink.ts';
import { partNames } from './split.ts';
import { cannotWrite } from './system-error.ts';
import { GgufWriter } from './writer.ts';

/** Most bytes of a tensor that are in memory at a time. */
const COPY_BYTES = 2 ** 22;

/** Whether only the header was written, or the whole file. */
export type EditOutcome = 'in place' | 'rewritten';

/**
 * Changes the metadata of the file `input`.
 * @param output the file to write instead, which is complete or not there; without it `input` is changed
 * @throws GgufError as `changeMetadata`, and when a file cannot be read or written. Without `output`, `input` must be neither
 *   gzipped nor a part of a split model. The signal's reason when it is aborted
 */
export async function editFile(
  input: string,
  output: string | undefined,
  changes: MetadataChanges,
  signal?: AbortSignal,
): Promise<EditOutcome> {
  const file = await openGguf(await (output === undefined ? openFile(input) : openModelFile(input)));
  try {
    const memory = memorySink();
    await declare(file, memory, changes).writeHeader();
    const header = memory.bytes();
    const sameAlignment =
      changes.set?.['general.alignment'] === undefined && !changes.remove?.includes('general.alignment');
    if (output === undefined && header.length === file.dataOffset && sameAlignment) {
      await overwrite(input, header);
      return 'in place';
    }
    const sink = await createFile(output ?? input, output === undefined ? [] : [input, ...partNames(input)]);
    try {
      await copy(file, sink, changes, signal);
      await sink.commit();
    } finally {
      await sink.discard();
    }
    return 'rewritten';
  } finally {
    await file.close();
  }
}

function declare(file: GgufFile, sink: ByteSink, changes: MetadataChanges): GgufWriter {
  const { littleEndian, version } = file;
  const writer = new GgufWriter(sink, { littleEndian, version });
  for (const [key, value] of changedValues(file.name, file.metadata, changes)) writer.set(key, value);
  for (const { name, type, shape } of file.tensors.values()) writer.addTensor(name, type, shape);
  return writer;
}

async function overwrite(path: string, header: Uint8Array): Promise<void> {
  const fail = (cause: Error): never => {
    throw cannotWrite(path, cause);
  };
  const file = await open(path, 'r+').catch(fail);
  try {
    for (let done = 0; done < header.length; ) {
      done += (await file.write(header, done, header.length - done, done).catch(fail)).bytesWritten;
    }
    await file.sync().catch(fail);
  } finally {
    await file.close();
  }
}

async function copy(file: GgufFile, sink: ByteSink, changes: MetadataChanges, signal?: AbortSignal): Promise<void> {
  const writer = declare(file, sink, changes);
  await writer.writeHeader();
  for (const info of file.tensors.values()) await writer.writeTensor(info.name, pieces(file, info, signal));
  writer.finish();
}

async function* pieces(file: GgufFile, info: TensorInfo, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const { blockBytes } = info.type;
  const buffer = new Uint8Array(
    Math.min(info.byteLength, Math.max(1, Math.floor(COPY_BYTES / blockBytes)) * blockBytes),
  );
  for (let at = 0; at < info.byteLength; at += buffer.length) {
    signal?.throwIfAborted();
    const piece = buffer.subarray(0, info.byteLength - at);
    await file.readTensor(info, at, piece);
    yield piece;
  }
}
