/**
 * @file The tarball holds what the entry points reach, and nothing else.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { reachable } from '../../scripts/reachable.mjs';
import { folder } from './project.ts';
import { npm } from './setup.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { files } = inject('packed');
const exported: Readonly<Record<string, string | { readonly types: string; readonly default: string }>> = JSON.parse(
  readFileSync(`${root}/package.json`, 'utf8'),
).exports;

it('holds every file that the entry points reach, and no other code', () => {
  const code = files.filter((path) => !/\.(md|1)$/.test(path) && path !== 'LICENSE');
  const entries = ['dist/cli/main.js', 'dist/chunks/team-worker-imports.browser.js'];
  for (const entry of Object.values(exported)) {
    if (typeof entry === 'object') entries.push(entry.types.slice(2), entry.default.slice(2));
  }
  const page = ['page', 'offline'].flatMap((folder) =>
    readdirSync(join(root, 'dist/page', folder)).map((name) => `dist/page/${folder}/${name}`),
  );
  expect(page).toContain('dist/page/page/engine-worker.js');
  const docs = readdirSync(join(root, 'dist/docs')).map((name) => `dist/docs/${name}`);
  expect(docs).toContain('dist/docs/swagger-ui-bundle.js.br');
  const others = ['dist/page/index.html', 'dist/THIRD-PARTY-LICENSES.txt', 'package.json'];
  const expected = [...reachable(root, entries), ...page, ...docs, ...others];
  expect(code.toSorted()).toEqual(expected.toSorted());
});

it.skipIf(process.env.CI !== 'true')(
  'is packed from a clone with a fresh build, and not at all when the build fails',
  async () => {
    const clone = join(folder, '../packing');
    await mkdir(clone);
    const { stdout } = await promisify(execFile)(
      'git',
      ['ls-files', 'src', 'scripts', '*.json', '*.md', '*.1', 'LICENSE'],
      {
        cwd: root,
      },
    );
    // With the times of the files, so that nothing seems to have changed since the last build.
    const copy = (path: string) =>
      cp(join(root, path), join(clone, path), { recursive: true, preserveTimestamps: true });
    for (const path of [...stdout.trim().split('\n'), 'dist', 'build/stamp', 'build/modules']) await copy(path);
    await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));
    await rm(join(clone, 'dist/chunks/engine.js'));
    await writeFile(join(clone, 'dist/old.js'), '');
    const pack = async () => {
      const output = await npm(clone, 'pack', '--json');
      // Some versions of npm print the name of the script first.
      return JSON.parse(output.slice(output.search(/^\[/m)))[0];
    };
    const packed = await pack();
    expect(packed.files.map(({ path }: { path: string }) => path).toSorted()).toEqual(files.toSorted());
    await rm(join(clone, packed.filename));
    await writeFile(join(clone, 'src/index.ts'), 'export const broken: number = "text";\n');
    await expect(pack()).rejects.toThrow('The build stopped');
    expect(existsSync(join(clone, packed.filename))).toBe(false);
  },
  400_000,
);

it('holds the licenses of the packages that are bundled', () => {
  const licenses = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
  const names = licenses.match(/^(@?[a-z/-]+)(?= \d+\.\d+\.\d+$)/gm);
  expect(names).toEqual(expect.arrayContaining(['fflate', 'lru-cache', 'preact', 'umap-js', 'valibot']));
  expect(
    licenses.match(/^The above copyright notice|^Permission (is hereby granted|to use)/gm)!.length,
  ).toBeGreaterThanOrEqual(names!.length);
});

it('holds the workers', () => {
  for (const worker of ['team-worker', 'large-request-worker']) expect(files).toContain(`dist/chunks/${worker}.js`);
});

it('holds the documents that the README names', () => {
  for (const path of ['README.md', 'LICENSE', 'docs/cli.md', 'docs/compatibility.md', 'docs/gguf-embed.1'])
    expect(files).toContain(path);
});
