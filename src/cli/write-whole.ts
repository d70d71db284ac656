/**
 * @file Files that commands write beside their output.
 */
import { createFile } from '../gguf/create-file.node.ts';

/** Writes a file that gets its name when it is complete. */
export async function writeWhole(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const sink = await createFile(path, []);
  try {
    for (const piece of pieces) await sink.write(piece);
    await sink.commit();
  } finally {
    await sink.discard();
  }
}
