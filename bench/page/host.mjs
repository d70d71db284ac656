// The page as static files, with the headers that let its threads share memory, and a browser for it.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** Writes the page into a folder and serves it. */
export async function hostPage(folder) {
  execFileSync(process.execPath, ['dist/cli/main.js', 'page', '--out', folder], { stdio: 'ignore' });
  const server = createServer(async ({ url }, response) => {
    const path = join(folder, url === '/' ? 'index.html' : url);
    const about = await stat(path).catch(() => undefined);
    if (about === undefined) return response.writeHead(404).end();
    response.writeHead(200, {
      'Content-Type': types[extname(path)] ?? 'application/octet-stream',
      'Content-Length': about.size,
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    });
    createReadStream(path).pipe(response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** Starts Chromium; CHROMIUM names another one than that in the path. */
export function startChromium() {
  const name = process.env.CHROMIUM ?? 'chromium';
  const { stdout } = spawnSync('sh', ['-c', `command -v "${name}"`], { encoding: 'utf8' });
  const path = stdout.trim();
  if (path === '') throw new Error(`there is no ${name} in the path: name a Chromium with CHROMIUM=PATH`);
  return chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
