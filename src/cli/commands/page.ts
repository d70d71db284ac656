/**
 * @file The command `page`.
 */
import { dirname, join } from 'node:path';
import { log } from '../log.ts';
import type { Parsed } from '../options/parse-options.ts';
import { makeFolder } from '../output/make-folder.ts';
import { writeWhole } from '../output/write-whole.ts';
import { offlinePaths, pagePaths, readPageFile } from '../page-files.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

/** Headers in the format of Netlify and Cloudflare Pages; other hosts ignore the file. With them, threads share memory. */
const headers = `/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
`;

/** `index.html`, which opens the variant for `file:` where it is needed. */
async function startPage(): Promise<Uint8Array> {
  const html = new TextDecoder().decode((await readPageFile('index.html')).bytes);
  const withRedirect = html.replace('<script ', '<script src="offline/redirect.js"></script>\n<script ');
  return new TextEncoder().encode(withRedirect);
}

/** Writes the web page as static files. */
export async function page({ values, positionals }: Parsed): Promise<void> {
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
  const { out } = values;
  if (out === undefined) throw new UsageError('give the folder to write: gguf-embed page --out DIR');
  const paths = await pagePaths();
  if (paths.length === 0) throw new UsageError('this program was bundled without the page; use the installed package');
  paths.push(...offlinePaths);
  let nBytes = 0;
  for (const path of paths) {
    const bytes = path === 'index.html' ? await startPage() : (await readPageFile(path)).bytes;
    const to = join(out, path);
    await makeFolder(dirname(to));
    await writeWhole(to, [bytes]);
    nBytes += bytes.length;
  }
  await writeWhole(join(out, '_headers'), [new TextEncoder().encode(headers)]);
  log(`wrote ${out}: ${plural(paths.length + 1, 'file')}, ${(nBytes / 2 ** 20).toFixed(1)} MiB`);
}
