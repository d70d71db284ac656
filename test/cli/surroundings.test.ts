/**
 * @file The program where its surroundings lack something: the home of the user, the folder that it starts in.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { asUser, isRoot, main, model } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
chmodSync(folder.path, 0o755);
copyFileSync(model('bert-mean'), folder.file('m.gguf'));

it.skipIf(!isRoot)('a user without a home folder computes, and hears where the cache could be', () => {
  folder.write('long.txt', 'a line of text\n'.repeat(400));
  const embedded = asUser(['embed', '-m', 'm.gguf', '-f', 'long.txt', '--embd-output-format', 'raw'], folder.path);
  expect(embedded.stderr).toBe('');
  expect(embedded.stdout.trim().split('\n')).toHaveLength(400);
  for (const args of [['models'], ['pull', 'user/model', '--offline']]) {
    const { stderr } = asUser(args, folder.path);
    expect(stderr).toBe('error: there is no place for the cache: this user has no home folder; set HF_HOME or HOME\n');
  }
});

it.skipIf(process.platform === 'win32')('files and folders that may not be read or written are named', () => {
  const denied = folder.file('denied');
  mkdirSync(denied);
  for (const path of [denied, folder.write('trace.npz', ''), folder.write('rows.jsonl', '{"text":"a"}\n')]) {
    chmodSync(path, path.endsWith('.jsonl') ? 0o644 : 0);
  }
  const embed = ['embed', '-m', 'm.gguf'];
  const bulk = asUser([...embed, 'rows.jsonl', '-o', 'denied/'], folder.path);
  expect(bulk.stderr).toBe('error: cannot read denied/: permission denied\n');
  const compared = asUser(['trace', '-m', 'm.gguf', '-p', 'a', '--compare', 'trace.npz'], folder.path);
  expect(compared.stderr).toBe('error: --compare: cannot read trace.npz: permission denied\n');
  const cached = asUser(['models'], folder.path, { LLAMA_CACHE: denied });
  expect(cached.stderr).toBe(`error: cannot read the cache ${denied}: permission denied\n`);
  const kept = asUser([...embed, '-o', 'out.jsonl'], folder.path, { TMPDIR: denied });
  expect(kept.stderr).toBe(
    `error: standard input is kept in ${denied} until the job ends, which cannot be written: permission denied (TMPDIR names another folder)\n`,
  );
  chmodSync(denied, 0o700);
});

it.skipIf(process.platform === 'win32')('a working folder that is gone is named', () => {
  const script = `mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"`;
  const args = [
    '-c',
    script,
    process.execPath,
    main,
    'embed',
    '-m',
    model('bert-mean'),
    '-p',
    'one',
    '--html',
    'x.html',
  ];
  const { stderr } = spawnSync('sh', args, { cwd: folder.path, env: { PATH: process.env.PATH }, encoding: 'utf8' });
  expect(stderr).toBe('error: the folder that the program was started in is gone: change to another one\n');
});
