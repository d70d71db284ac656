/**
 * @file Reads packed or split models as one plain file.
 */
import { gunzipSource, isGzip } from './gunzip.ts';
import type { ByteSource } from './source.ts';
import { isPartName, joinParts, type OpenSibling } from './split.ts';

/**
 * The source of the whole model: unpacked if it is gzipped, joined if its name says that it is the first part of a
 * split model, else `source` itself. `source` belongs to the result, and is closed if this function throws.
 * @param openSibling opens another part by name; without it, opening a split model fails
 * @throws GgufError if the file is damaged or unpacks to too many bytes, or a part is missing or wrong
 */
export async function wholeSource(source: ByteSource, openSibling?: OpenSibling): Promise<ByteSource> {
  const unpacked = await unpack(source);
  if (openSibling === undefined || !isPartName(source.name)) return unpacked;
  return joinParts(unpacked, async (name) => unpack(await openSibling(name)));
}

async function unpack(source: ByteSource): Promise<ByteSource> {
  try {
    return (await isGzip(source)) ? await gunzipSource(source) : source;
  } catch (error) {
    await source.close();
    throw error;
  }
}
