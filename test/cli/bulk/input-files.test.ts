/**
 * @file Inputs of a job that cannot be read twice, or are named twice.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { main, model } from '../run.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();
copyFileSync(model('bert-mean'), folder.file('m.gguf'));
folder.write('rows.jsonl', '{"text":"one"}\n{"text":"two"}\n');

/** Runs `embed` in the folder, by a shell that the arguments are for. */
function embed(args: string) {
  return spawnSync(
    'bash',
    ['--norc', '-c', `exec "$0" "$1" embed --backend wasm -m m.gguf ${args}`, process.execPath, main],
    {
      cwd: folder.path,
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    },
  );
}

it('the same file by two names is named twice', () => {
  expect(embed('rows.jsonl ./rows.jsonl -o out.jsonl').stderr).toBe('error: ./rows.jsonl is named twice\n');
});

describe.skipIf(process.platform === 'win32')('a pipe', () => {
  it.each(['named.jsonl', "'named*.jsonl'", 'pipes', '<(cat rows.jsonl) --input-format jsonl'])(
    '%s is refused, and not waited for',
    (input) => {
      spawnSync('mkfifo', [folder.file('named.jsonl')]);
      spawnSync('mkdir', [folder.file('pipes')]);
      if (!existsSync(folder.file('named-link.jsonl'))) symlinkSync('named.jsonl', folder.file('named-link.jsonl'));
      if (!existsSync(folder.file('pipes/link.jsonl'))) symlinkSync('../named.jsonl', folder.file('pipes/link.jsonl'));
      const { status, stderr } = embed(`${input} -o out.jsonl`);
      expect(stderr).toContain('inputs are read twice: give the records of a pipe on standard input\n');
      expect(status).toBe(1);
    },
  );
});

describe.skipIf(process.platform !== 'linux')('a name that is not UTF-8', () => {
  it('is named as the reason, of an input and of an output', () => {
    spawnSync('bash', ['-c', "cp rows.jsonl $'in\\xff.jsonl'"], { cwd: folder.path });
    expect(embed("$'in\\xff.jsonl' -o out.jsonl").stderr).toContain('its name is not UTF-8');
    expect(embed("'in?.jsonl' -o out.jsonl").stderr).toContain('its name is not UTF-8');
    expect(embed("rows.jsonl -o $'out\\xff.jsonl'").stderr).toContain('its name is not UTF-8');
    expect(spawnSync('ls', [folder.path], { encoding: 'utf8' }).stdout).not.toContain('out');
  });
});
