/**
 * @file The command `page`.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { log } from './log.ts';
import { pagePaths, readPageFile } from './page-files.ts';
import type { Parsed } from './parse-options.ts';
import { plural } from './plural.ts';
import { UsageError } from './usage-error.ts';
import { writeWhole } from './write-whole.ts';

/** Headers in the format of Netlify and Cloudflare Pages; other hosts ignore the file. With them, threads share memory. */
const headers = `/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
`;

/** Writes the web page as static files. */
export async function page({ values, positionals }: Parsed): Promise<void> {
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
  const { out } = values;
  if (out === undefined) throw new UsageError('give the folder to write: gguf-embed page --out DIR');
  const paths = await pagePaths();
  if (paths.length === 0) throw new UsageError('this program was bundled without the page; use the installed package');
  let nBytes = 0;
  for (const path of paths) {
    const { bytes } = await readPageFile(path);
    const to = join(out, path);
    await mkdir(dirname(to), { recursive: true });
    await writeWhole(to, [bytes]);
    nBytes += bytes.length;
  }
  await writeWhole(join(out, '_headers'), [new TextEncoder().encode(headers)]);
  log(`wrote ${out}: ${plural(paths.length + 1, 'file')}, ${(nBytes / 2 ** 20).toFixed(1)} MiB`);
}
