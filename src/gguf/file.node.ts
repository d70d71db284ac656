/**
 * @file A byte source over a file on disk, by positioned reads (Node, Deno, Bun).
 */
import { open } from 'node:fs/promises';
import { GgufError } from './errors.ts';
import { checkRange } from './memory-source.ts';
import type { ByteSource } from './source.ts';

/** Opens a file. @throws GgufError when it cannot be opened or is not a file */
export async function openFile(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    const reason = { ENOENT: 'there is no such file', EACCES: 'permission denied' }[error.code ?? ''] ?? error.message;
    throw new GgufError(`cannot open ${path}: ${reason}`);
  });
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw new GgufError(`cannot read ${path}: it is ${stat.isDirectory() ? 'a folder' : 'not a file'}`);
  }
  const { size } = stat;
  let closing: Promise<void> | undefined;
  return {
    name: path,
    size,
    async read(offset, into) {
      checkRange({ name: path, size }, offset, into.length);
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await handle.read(into, done, into.length - done, offset + done);
        if (bytesRead === 0) throw new GgufError(`${path} became shorter while it was read`, { offset: offset + done });
        done += bytesRead;
      }
    },
    close: () => (closing ??= handle.close()),
  };
}
