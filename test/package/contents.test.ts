/**
 * @file The tarball holds what the entry points reach, and nothing else.
 */
import { fileURLToPath } from 'node:url';
import { expect, inject, it } from 'vitest';
import { reachable } from '../../scripts/reachable.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { files } = inject('packed');

it('holds every file that the entry points reach, and no other code', () => {
  const code = files.filter((path) => !path.endsWith('.md') && path !== 'LICENSE');
  const entries = ['dist/index.js', 'dist/cli/main.js', 'dist/index.d.ts', 'dist/engine/team-worker.d.ts'];
  entries.push('dist/chunks/team-worker-imports.browser.js');
  expect(code.toSorted()).toEqual([...reachable(root, entries), 'package.json'].toSorted());
});

it('holds the workers', () => {
  for (const worker of ['team-worker', 'large-request-worker']) expect(files).toContain(`dist/chunks/${worker}.js`);
});

it('holds the documents that the README names', () => {
  for (const path of ['README.md', 'LICENSE', 'docs/cli.md', 'docs/compatibility.md']) expect(files).toContain(path);
});
