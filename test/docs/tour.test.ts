/**
 * @file The tour and its chapters cannot rot: their commands are run, and the tour's code is that of src/plain. `-u` writes both anew.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { main } from '../cli/run.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const plain = readFileSync(new URL('../../src/plain/bert.ts', import.meta.url), 'utf8');
const read = (name: string) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
const page = read('tour');

/** What a command of the page prints. */
async function outputOf(command: string): Promise<string> {
  const script = `set -o pipefail; gguf-embed() { "${process.execPath}" "${main}" "$@"; }; ${command}`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script], {
    cwd: root,
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  expect(stderr, command).toBe('');
  return stdout.endsWith('\n') ? stdout : `${stdout}\n`;
}

/** A function of src/plain with its comment. */
function codeOf(name: string): string {
  const found = new RegExp(`^/\\*\\*(?:(?!\\*/)[^])*?\\*/\\nexport function ${name}\\([^]*?^}\\n`, 'm');
  const comments = plain.split(/^(?=\/\*\*)/m).find((part) => part.includes(`\nexport function ${name}(`));
  const code = comments && found.exec(comments)?.[0];
  if (code === undefined) throw new Error(`src/plain has no function ${name}`);
  return code;
}

/** The page with the outputs and the code of now. */
async function render(text: string): Promise<string> {
  const parts: string[] = [];
  let rest = text;
  const block = /```console\n((?:.*\n)*?)```\n|<!-- code: (\w+) -->\n(?:\n```ts\n(?:.*\n)*?```\n)?/;
  for (let found = block.exec(rest); found !== null; found = block.exec(rest)) {
    const [all, console, name] = found;
    parts.push(rest.slice(0, found.index));
    if (console === undefined) parts.push(`<!-- code: ${name} -->\n\n\`\`\`ts\n${codeOf(name)}\`\`\`\n`);
    else {
      const commands = console.split('\n').filter((line) => line.startsWith('$ '));
      const lines = await Promise.all(commands.map(async (line) => `${line}\n${await outputOf(line.slice(2))}`));
      parts.push(`\`\`\`console\n${lines.join('')}\`\`\`\n`);
    }
    rest = rest.slice(found.index + all.length);
  }
  return [...parts, rest].join('');
}

it.each(['tour', 'tokenizers', 'kernels', 'webgpu'])(
  'what docs/%s.md shows is what commands print and src/plain has',
  async (name) => {
    await expect(await render(read(name)), 'update with: npx vitest run test/docs/tour.test.ts -u').toMatchFileSnapshot(
      `../../docs/${name}.md`,
    );
  },
);

it('each chapter links to those beside it', () => {
  const chapters = ['tour', 'tokenizers', 'kernels', 'webgpu'];
  for (const [i, name] of chapters.entries()) {
    for (const other of ['tour', chapters[i - 1], chapters[i + 1]].filter((beside) => beside && beside !== name)) {
      expect(read(name), `${name} to ${other}`).toContain(`](${other}.md)`);
    }
  }
});

it('a page that says something else is noticed', async () => {
  const wrong = page.replace(/^0000000 47 47/m, '0000000 48 48');
  expect(wrong).not.toBe(page);
  expect(await render(wrong)).toBe(page);
  await expect(render('```console\n$ gguf-embed nothing\n```\n')).rejects.toThrow('unknown command nothing');
  await expect(render('<!-- code: nothing -->\n')).rejects.toThrow('src/plain has no function nothing');
});

it('every exported function of src/plain but loadBert and add is shown', () => {
  const names = [...plain.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
  const shown = [...page.matchAll(/<!-- code: (\w+) -->/g)].map(([, name]) => name);
  expect(names.filter((name) => !shown.includes(name))).toEqual(['add', 'loadBert']);
});
