/**
 * @file Writes the additional files of a command.
 */
import { createFile } from '../../gguf/create-file.node.ts';
import { stoppable } from '../abort-on-signal.ts';

/** Writes a file under a temporary name, and renames it when it is complete. */
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
