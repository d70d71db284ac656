/**
 * @file A Python environment in a folder of its own, for tests of clients. It takes a package index and a minute, so only with
 * CI=true, or with GGUF_EMBED_REQUIRE_PYTHON=1, which makes a failure to install an error instead of a reason to skip.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';

export const exec = promisify(execFile);
export const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What was installed: `missing` says why there is nothing. */
export interface ScratchPython {
  readonly folder: string;
  readonly python: string;
  readonly missing: string | undefined;
}

const isRequired = process.env.GGUF_EMBED_REQUIRE_PYTHON === '1';

/**
 * Installs the packages of a requirements file beside this one, removed after the tests.
 * @param what the tests are, for the line that says that they are skipped
 * @param more what else has to be brought, by the environment's Python
 */
export async function scratchPython(
  what: string,
  requirements: string,
  more: (python: string, folder: string) => Promise<unknown> = async () => {},
): Promise<ScratchPython> {
  const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-python-'));
  const python = join(folder, 'bin/python');
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const skipped = (why: string) => {
    console.warn(`SKIPPED: ${what}: ${why}`);
    return { folder, python, missing: why };
  };
  if (process.env.CI !== 'true' && !isRequired) return skipped('they run with CI=true');
  try {
    await exec('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile'];
    await exec(python, [...pip, '-r', path(requirements)], { timeout: 480_000 });
    await more(python, folder);
    return { folder, python, missing: undefined };
  } catch (error) {
    if (isRequired) throw error;
    return skipped(`Python or the package index is missing: ${(error as Error).message}`);
  }
}
