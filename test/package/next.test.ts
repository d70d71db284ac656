/**
 * @file The installed package in a page of Next.js, which Turbopack bundles: the page is rendered while it is built, with a model on two threads.
 * With CI=true only, since Next.js comes from the registry.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { folder, run } from './project.ts';
import { npm } from './setup.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

const home = join(folder, '../next');
const wanted = process.env.CI === 'true' && folder !== '';
if (!wanted) console.warn('the test of Next.js is skipped: it runs with CI=true');

const page = `
import { Embedder } from 'gguf-embed';
export default async function Page() {
  const embedder = await Embedder.load('bert-mean.gguf', { backend: 'wasm', threads: 2, worker: true });
  const { vectors } = await embedder.embed('a text');
  const { threads } = embedder.info;
  await embedder.dispose();
  return <p>{JSON.stringify([vectors[0].length, threads])}</p>;
}
`;

describe.skipIf(!wanted)('in Next.js', () => {
  beforeAll(async () => {
    await mkdir(join(home, 'app'), { recursive: true });
    await writeFile(join(home, 'package.json'), '{ "name": "next-app", "private": true }\n');
    await npm(home, 'install', '--prefer-offline', inject('packed').tarball, 'next@16', 'react@19', 'react-dom@19');
    await cp(join(folder, 'bert-mean.gguf'), join(home, 'bert-mean.gguf'));
    const layout = 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;\n';
    await writeFile(join(home, 'app/layout.js'), layout);
    await writeFile(join(home, 'app/page.js'), page);
  });

  it('computes in workers', async () => {
    const next = join(home, 'node_modules/.bin/next');
    const { code, stdout, stderr } = await run('env', ['NEXT_TELEMETRY_DISABLED=1', next, 'build'], {
      cwd: home,
      seconds: 200,
    });
    expect(code, `${stdout}${stderr}`).toBe(0);
    expect(await readFile(join(home, '.next/server/app/index.html'), 'utf8')).toContain('<p>[64,2]</p>');
  });
});
