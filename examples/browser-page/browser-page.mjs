/**
 * @file Serves a page that embeds texts in the browser, with the headers that let its workers share memory.
 *
 *   npm install gguf-embed
 *   node browser-page.mjs 8000
 *
 * Then open http://localhost:8000 and choose a GGUF file. It does not leave the machine.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';

// Any server of static files will do: the page needs its own file and the folder dist of the package.
const dist = new URL('./', import.meta.resolve('gguf-embed'));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' };

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const isPackage = pathname.startsWith('/gguf-embed/');
  const file = isPackage
    ? new URL(`.${pathname.slice('/gguf-embed'.length)}`, dist)
    : new URL('browser-page.html', import.meta.url);
  const body = isPackage || pathname === '/' ? await readFile(file).catch(() => undefined) : undefined;
  if (body === undefined) return response.writeHead(404).end();
  response.writeHead(200, {
    'Content-Type': types[extname(file.pathname)] ?? 'application/octet-stream',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  });
  response.end(body);
});
server.listen(Number(process.argv[2] ?? 8000), 'localhost', () => {
  console.log(`open http://localhost:${server.address().port}`);
});
process.on('SIGTERM', () => server.close());
