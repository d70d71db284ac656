/**
 * @file Files that commands write beside their output.
 */

import { createFile } from '../gguf/create-file.node.ts';
import { stoppable } from './abort-on-signal.ts';

/** Writes a file that gets its name when it is complete. */
export async function writeWhole(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  await stoppable(async (signal) => {
    const sink = await createFile(path, []);
    try {
      for (const piece of pieces) {
        signal.throwIfAborted();
        await sink.write(piece);
      }
      signal.throwIfAborted();
      await sink.commit();
    } finally {
      await sink.discard();
    }
  });
}
