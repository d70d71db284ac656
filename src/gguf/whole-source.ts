/**
 * @file Models that are packed or in parts, seen as the plain file that they are once unpacked and joined.
 */
import { gunzipSource, isGzip } from './gunzip.ts';
import type { ByteSource } from './source.ts';
import { isPartName, joinParts, type OpenSibling } from './split.ts';

/**
 * The source of the whole model: unpacked when it is gzipped, joined when its name says that it is the first part of a
 * split model, `source` itself otherwise. `source` belongs to the result, and is closed when this fails.
 * @param openSibling opens another file by name, for the other parts; without it a split model is refused when opened
 * @throws GgufError when the file is damaged, unpacks to too much, or a part is missing or wrong
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
