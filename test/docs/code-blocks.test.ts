/**
 * @file Code blocks of the documentation: programs of the README compile against the built package, and commands have options that exist.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, expect, it } from 'vitest';
import { commandNames } from '../../src/cli/option-types.ts';
import { parseOptions } from '../../src/cli/parse-options.ts';

const docs = readdirSync('docs').filter((name) => name.endsWith('.md'));
const pages = ['README.md', ...docs.map((name) => `docs/${name}`)];

/** The code blocks of a page in one language. */
function blocksOf(page: string, language: string): string[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return Array.from(blocks)
    .filter(([, name]) => name === language)
    .map(([, , code]) => code);
}

// Below the project, whose own name the programs import.
const folder = join('build', `code-blocks-${process.pid}`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('programs of the README compile', () => {
  mkdirSync(folder, { recursive: true });
  const programs = blocksOf('README.md', 'ts').filter((code) => code.includes("from 'gguf-embed'"));
  expect(programs.length).toBeGreaterThanOrEqual(2);
  const paths = programs.map((_, i) => join(folder, `${i}.mts`));
  for (const [i, path] of paths.entries()) writeFileSync(path, programs[i]);
  const program = ts.createProgram(paths, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  });
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(messages).toEqual([]);
});

/** The arguments of a command line without pipes and redirections. */
function argumentsOf(line: string): string[] {
  const words = line.replace(/\s+#.*$/, '').match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const end = words.findIndex((word) => /^[|<>&;]/.test(word));
  return words.slice(0, end < 0 ? undefined : end).map((word) => word.replaceAll(/['"]/g, ''));
}

it('every gguf-embed command of the documentation has options that exist', () => {
  let seen = 0;
  for (const page of pages) {
    for (const line of blocksOf(page, 'sh').join('\n').replaceAll('\\\n', ' ').split('\n')) {
      const [, rest] = /^(?:\$ )?(?:npx )?gguf-embed (.*)$/.exec(line) ?? [];
      const [name, ...args] = argumentsOf(rest ?? '');
      const command = commandNames.find((known) => known === name);
      if (rest === undefined || name.startsWith('-')) continue;
      expect(command, `${page}: ${line}`).toBeDefined();
      expect(() => parseOptions(command!, args, {}), `${page}: ${line}`).not.toThrow();
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(20);
});
