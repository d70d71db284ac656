/**
 * @file Stores the results of the search for the fastest kernels in the user's cache folder, for Node, Deno and Bun.
 *
 * One small JSON file for each adapter and version of the kernels. A file is written under another name and then
 * renamed, so that two programs that write at the same time leave one complete result.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TuningCache } from './options.ts';

/** @param folder where to store the files; created at the first write */
export function fileTuningCache(folder: string): TuningCache {
  return {
    async read(key) {
      return readFile(join(folder, `${key}.json`), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
    },
    async write(key, text) {
      await mkdir(folder, { recursive: true });
      const path = join(folder, `${key}.json`);
      const fresh = `${path}.${randomUUID()}`;
      try {
        await writeFile(fresh, text);
        await rename(fresh, path);
      } catch (error) {
        await rm(fresh, { force: true });
        throw error;
      }
    },
  };
}
