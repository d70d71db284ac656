/**
 * @file A folder for the files of a test, gone afterwards.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Makes the folder, and removes it after the tests of the calling file. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'cli-test-'));
  afterAll(() => rmSync(path, { recursive: true }));
  const file = (name: string) => join(path, name);
  return {
    path,
    file,
    /** Writes a file and gives its path. */
    write(name: string, content: string | Uint8Array): string {
      writeFileSync(file(name), content);
      return file(name);
    },
  };
}
