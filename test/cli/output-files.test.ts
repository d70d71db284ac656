/**
 * @file Files that commands write: what they must not replace, and what they take over from the file that they do replace.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { asUser, main, model, run } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const temporary = temporaryFolder();
let number = 0;
let folder = '';
const file = (name: string) => join(folder, name);
const rows = '{"id":1,"text":"one"}\n{"id":2,"text":"two"}\n';

beforeEach(() => {
  number += 1;
  folder = temporary.file(String(number));
  mkdirSync(folder);
  for (const path of [temporary.path, folder]) chmodSync(path, 0o777);
  copyFileSync(model('bert-mean'), file('m.gguf'));
  writeFileSync(file('rows.jsonl'), rows);
  writeFileSync(file('texts.txt'), 'one\ntwo\n');
});

const name = `general.name=str:${'long '.repeat(100)}`;

/** The commands that write one file, and what its name ends in. */
const writers: readonly (readonly [ending: string, args: (to: string) => string[]])[] = [
  ['.q8.gguf', (to) => ['quantize', file('m.gguf'), to, 'q8_0']],
  ['.edited.gguf', (to) => ['edit', file('m.gguf'), to, '--set', name]],
  ['.jsonl', (to) => ['embed', '-m', file('m.gguf'), file('rows.jsonl'), '-o', to]],
  ['.npy', (to) => ['embed', '-m', file('m.gguf'), file('rows.jsonl'), '-o', to]],
  ['.html', (to) => ['embed', '-m', file('m.gguf'), '-f', file('texts.txt'), '--html', to]],
  ['.npz', (to) => ['trace', '-m', file('m.gguf'), '-p', 'one', '--npz', to]],
];

describe.each(writers)('an output %s', (ending, args) => {
  it('keeps the permissions of the file that it replaces', async () => {
    const to = file(`out${ending}`);
    writeFileSync(to, 'old');
    chmodSync(to, 0o640);
    expect((await run(args(to))).code).toBe(0);
    expect(readFileSync(to).subarray(0, 3).toString()).not.toBe('old');
    expect((statSync(to).mode & 0o777).toString(8)).toBe('640');
  });

  it.skipIf(process.platform === 'win32')(
    'goes where a link points, through links and whether a file is there or not',
    async () => {
      mkdirSync(file('disk'));
      const there = file(`disk/there${ending}`);
      writeFileSync(there, 'old');
      symlinkSync(`disk/there${ending}`, file(`link${ending}`));
      symlinkSync(`link${ending}`, file(`second${ending}`));
      symlinkSync(`disk/new${ending}`, file(`dangling${ending}`));
      for (const [link, target] of [
        ['second', 'there'],
        ['dangling', 'new'],
      ]) {
        expect((await run(args(file(`${link}${ending}`)))).code).toBe(0);
        expect(lstatSync(file(`${link}${ending}`)).isSymbolicLink()).toBe(true);
        expect(statSync(file(`disk/${target}${ending}`)).size).toBeGreaterThan(3);
      }
      expect(readdirSync(file('disk')).sort()).toEqual([`new${ending}`, `there${ending}`]);
      symlinkSync(`nowhere/new${ending}`, file(`lost${ending}`));
      expect((await run(args(file(`lost${ending}`)))).stderr).toMatch(/no folder|no such/i);
    },
  );

  it.skipIf(process.platform === 'win32')('does not replace a named pipe, a device or a folder', async () => {
    const pipe = file(`pipe${ending}`);
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const device = file(`device${ending}`);
    symlinkSync('/dev/null', device);
    for (const to of [pipe, device]) {
      const { code, stderr } = await run(args(to));
      expect(stderr).toContain('the path is not a regular file\n');
      expect(code).toBe(1);
    }
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    expect(lstatSync(device).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).filter((entry) => entry.endsWith('.partial'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('does not replace a write-protected file', () => {
    const to = file(`out${ending}`);
    writeFileSync(to, 'old');
    chmodSync(to, 0o444);
    expect(asUser(args(to), folder).stderr).toContain('permission denied\n');
    expect(readFileSync(to, 'utf8')).toBe('old');
  });
});

it('- is not the name of an output', async () => {
  const result = spawnSync(process.execPath, [main, 'quantize', 'm.gguf', '-', 'q8_0'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(result.stderr).toBe(
    'error: -: cannot write the file: standard output is not a file; ./- is one of this name\n',
  );
  expect(existsSync(file('-'))).toBe(false);
});

describe('files that are read are not outputs:', () => {
  it.each([
    ['a file of failures', 'out.failures.jsonl', ['out.failures.jsonl', '-o', 'out.npy']],
    ['the model', 'm.jsonl', ['rows.jsonl', '-m', 'm.jsonl', '-o', 'm.jsonl']],
    ['the prompts', 'prompts.jsonl', ['rows.jsonl', '--prompts', 'prompts.jsonl', '-o', 'prompts.jsonl']],
    [
      'the prompts of a page',
      'prompts.json',
      ['-f', 'texts.txt', '--prompts', 'prompts.json', '--html', 'prompts.json'],
    ],
    ['the configuration of a page', 'c.yaml', ['-f', 'texts.txt', '--config', 'c.yaml', '--html', 'c.yaml']],
  ])('%s', async (_, output, args) => {
    writeFileSync(file('out.failures.jsonl'), rows);
    copyFileSync(file('m.gguf'), file('m.jsonl'));
    for (const prompts of ['prompts.json', 'prompts.jsonl']) writeFileSync(file(prompts), '{"query": "query: "}');
    writeFileSync(file('c.yaml'), 'threads: 1\n');
    const before = readFileSync(file(output));
    const all = [main, 'embed', '--backend', 'wasm', ...(args.includes('-m') ? [] : ['-m', 'm.gguf']), ...args];
    const { status, stderr } = spawnSync(process.execPath, all, {
      cwd: folder,
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    });
    expect(stderr).toMatch(/is also an input file: choose another name for the output\n$/);
    expect(status).toBe(1);
    expect(readFileSync(file(output)).equals(before)).toBe(true);
  });
});

it('a name without room for that of the failures is refused before the work', async () => {
  const to = file(`${'n'.repeat(249)}.jsonl`);
  const { stderr } = await run(['embed', '-m', file('m.gguf'), file('rows.jsonl'), '-o', to]);
  expect(stderr).toMatch(/^error: cannot write .*\.failures\.jsonl: its name is too long\n$/);
});

describe('edit', () => {
  it('changes the file that a link names, however long its header becomes', async () => {
    symlinkSync('m.gguf', file('link.gguf'));
    for (const change of ['bert.pooling_type=int:2', name]) {
      expect((await run(['edit', file('link.gguf'), '--set', change])).code).toBe(0);
      expect(realpathSync(file('link.gguf'))).toBe(realpathSync(file('m.gguf')));
    }
    expect((await run(['inspect', file('m.gguf')])).stdout).toContain('long long');
  });

  it('leaves another name of the file alone when it writes a new one', async () => {
    linkSync(file('m.gguf'), file('other.gguf'));
    expect((await run(['edit', file('m.gguf'), '--set', name])).code).toBe(0);
    expect(readFileSync(file('other.gguf')).equals(readFileSync(model('bert-mean')))).toBe(true);
  });

  it.skipIf(process.platform === 'win32')('says that it may not write, whether in place or not', async () => {
    chmodSync(file('m.gguf'), 0o444);
    for (const change of ['bert.pooling_type=int:2', name]) {
      const { status, stderr } = asUser(['edit', file('m.gguf'), '--set', change], folder);
      expect(stderr).toBe(`error: ${file('m.gguf')}: cannot write the file: permission denied\n`);
      expect(status).toBe(1);
    }
  });
});
