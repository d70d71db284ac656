/**
 * @file What the documentation names exists: files of the project, and the types on the page about one request.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { embedOptions } from '../../src/engine/inputs/call-options.ts';
import { loadOptions } from '../../src/engine/load/load-options.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const pages = ['README.md', ...docs.map((name) => `docs/${name}`)];

/** Paths of files below the folders of the project, in code or as the target of a link. */
function pathsIn(text: string): string[] {
  const named = text.matchAll(
    /[`(]((?:src|test|bench|scripts|docs|examples)\/[\w./-]+\.(?:ts|mjs|md|json|sh|png))[`)#]/g,
  );
  return Array.from(named, ([, path]) => path);
}

/** Cells of the rows of tables whose last heading is `last`. */
function rowsUnder(text: string, last: string): string[][] {
  const tables = text
    .split('\n\n')
    .filter((part) => part.startsWith('|') && part.split('\n')[0].endsWith(`| ${last} |`));
  return tables.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((row) =>
        row
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  );
}

it.each(pages)('every file that %s names exists', (page) => {
  for (const path of pathsIn(read(page))) expect(existsSync(join(root, path)), path).toBe(true);
});

it.each([
  ['load', 'The options of `load`:', loadOptions],
  ['embed', 'Its options:', embedOptions],
])('README lists every option of %s', (_name, heading, options) => {
  const [, table] = read('README.md').split(heading)[1].split('\n\n');
  const listed = Array.from(table.matchAll(/^\| (`[^|]+) \|/gm), ([, cell]) => cell).join();
  for (const option of Object.keys(options)) expect(listed).toContain(`\`${option}\``);
});

it('every picture of the documentation is shown on a page, and small', () => {
  const shown = docs.flatMap((name) =>
    Array.from(read(`docs/${name}`).matchAll(/\]\(pictures\/([\w-]+\.(?:png|svg))\)/g), ([, picture]) => picture),
  );
  const pictures = readdirSync(join(root, 'docs/pictures'));
  expect([...new Set(shown)].toSorted()).toEqual(pictures.toSorted());
  for (const name of pictures) expect(statSync(join(root, 'docs/pictures', name)).size, name).toBeLessThan(150_000);
});

it('the page about one picture begins each row of its tables of files with their names', () => {
  const rows = rowsUnder(read('docs/images.md'), 'out');
  expect(rows.length).toBeGreaterThan(18);
  for (const [file] of rows) expect(pathsIn(file), file).not.toEqual([]);
});

it('the page about one request begins each row with a file, and names types that the sources declare', () => {
  const rows = rowsUnder(read('docs/request.md'), 'out');
  expect(rows.length).toBeGreaterThan(40);
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const sources = files.map((path) => read(join('src', path))).join('\n');
  const declared = new Set(Array.from(sources.matchAll(/\b(?:interface|type|class) (\w+)/g), ([, name]) => name));
  const platform = new Set(['IncomingMessage', 'Float32Array']);
  for (const [file, ...cells] of rows) {
    expect(pathsIn(file), file).toHaveLength(1);
    for (const [, name] of cells.join(' ').matchAll(/`([A-Z][a-z]+[A-Z][A-Za-z]+)(?:\[\])?`/g)) {
      expect(declared.has(name) || platform.has(name), `${file}: ${name}`).toBe(true);
    }
  }
});

it('the table of what to open has at least 25 rows, each with a file', () => {
  const rows = rowsUnder(read('docs/architecture.md'), 'open …');
  expect(rows.length).toBeGreaterThanOrEqual(25);
  for (const [what, files] of rows) expect(files, what).toMatch(/`[\w./-]+\.(ts|mjs)`/);
});
