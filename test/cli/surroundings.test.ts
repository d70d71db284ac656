/**
 * @file The program where its surroundings lack something: the home of the user, the folder that it starts in.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync } from 'node:fs';
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
  const { stderr } = spawnSync('sh', args, { cwd: folder.path, encoding: 'utf8' });
  expect(stderr).toBe('error: the folder that the program was started in is gone: change to another one\n');
});
