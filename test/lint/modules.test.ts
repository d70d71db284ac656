/**
 * @file The checks of `npm run lint` that see modules as a whole: each finds what is planted in a copy of the sources, and
 * the table of who may import whom is the one in the documentation.
 */
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const { mayImport } = (await import('../../.dependency-cruiser.mjs' as string)) as {
  mayImport: Readonly<Record<string, readonly string[]>>;
};
const root = fileURLToPath(new URL('../..', import.meta.url));
let copy: string;

const planted: Readonly<Record<string, string>> = {
  'src/gguf/planted-a.ts': `import type { B } from './planted-b.ts';\nexport interface A {\n  b: B;\n}\n`,
  'src/gguf/planted-b.ts': `import type { A } from './planted-a.ts';\nexport interface B {\n  a: A;\n}\n`,
  'src/tokenizer/planted-up.ts': `import type { EmbedOptions } from '../engine/index.ts';\nexport type Up = EmbedOptions;\n`,
  'src/engine/planted-node.ts': `import { readFileSync } from 'node:fs';\nexport const read = readFileSync;\n`,
  'src/engine/planted-dev.ts': `import fc from 'fast-check';\nexport const check = fc;\n`,
  'src/page/planted-inside.ts': `import type { Tokenizer } from '../tokenizer/index.ts';\nexport type Inside = Tokenizer;\n`,
  'src/planted/folder.ts': `export { GgufError } from '../gguf/index.ts';\n`,
};

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'gguf-embed-lint-'));
  for (const name of ['src', 'bench', 'scripts', 'test', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    const filter = (path: string) => !/node_modules|fixtures|\.cache/.test(path.slice(root.length));
    await cp(join(root, name), join(copy, name), { recursive: true, filter });
  }
  for (const name of ['.dependency-cruiser.mjs', 'knip.json', 'vitest.config.ts', '.gitignore']) {
    await cp(join(root, name), join(copy, name));
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const [path, text] of Object.entries(planted)) {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await writeFile(join(copy, path), text);
  }
  await appendFile(join(copy, 'src/gguf/limits.ts'), '\nexport const plantedExport = 1;\n');
});
afterAll(() => rm(copy, { recursive: true }));

/** Runs one of the commands of `npm run lint` in the copy; it must fail. What it printed. */
async function failure(name: string): Promise<string> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const command = scripts.lint.split(' && ').find((part: string) => part.startsWith(name));
  expect(command, 'npm run lint runs it').toBeDefined();
  const [program, ...args] = command.split(' ');
  const run = promisify(execFile)(join(root, 'node_modules/.bin', program), args, { cwd: copy });
  return run.then(
    () => expect.fail(`${name} found nothing`),
    ({ stdout }: { stdout: string }) => stdout,
  );
}

it('dependency-cruiser finds circles of types, imports against the table, and what only Node or this repository has', async () => {
  const found = await failure('depcruise');
  expect(found).toMatch(/no-circles: src\/gguf\/planted-a\.ts → \s*src\/gguf\/planted-b\.ts/);
  expect(found).toContain('what-tokenizer-may-import: src/tokenizer/planted-up.ts → src/engine/index.ts');
  expect(found).toContain('engine-code-needs-no-node: src/engine/planted-node.ts → fs');
  expect(found).toMatch(/src-imports-what-users-install: src\/engine\/planted-dev\.ts → .*fast-check/);
  expect(found).toContain('what-page-may-import: src/page/planted-inside.ts → src/tokenizer/index.ts');
  expect(found).toContain('every-folder-is-in-the-table: src/planted/folder.ts');
  const errors = found.split('\n').filter((line) => /^ *error /.test(line));
  expect(errors.filter((line) => !line.includes('planted'))).toEqual([]);
});

it('knip finds files and exports that nobody uses', async () => {
  const found = await failure('knip');
  for (const path of Object.keys(planted).filter((path) => !path.includes('gguf'))) expect(found).toContain(path);
  expect(found).toMatch(/plantedExport +src\/gguf\/limits\.ts/);
});

it('the table in docs/architecture.md is the one that is checked', async () => {
  const text = await readFile(join(root, 'docs/architecture.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `src\/([\w/]+)` \|.*\| ([^|]+) \|$/gm)];
  const table = rows.map(([, folder, names]) => [folder, [...names.matchAll(/`([\w/]+)`/g)].map((m) => m[1]).sort()]);
  const checked = Object.entries(mayImport).map(([folder, names]) => [folder, names.toSorted()]);
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(checked));
  for (const [, , names] of rows) expect(names).toMatch(/^(nothing|`[\w/]+`(, `[\w/]+`)*)$/);
});
