/**
 * @file The command line of the benchmarks: each explains itself, and refuses what it cannot measure with a message instead of a stack.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const benchmarks = Object.entries(scripts)
  .filter(([name]) => /^bench(:|$)/.test(name))
  .map(([name, command]) => [name, /node (\S+)$/.exec(command)?.[1] ?? ''] as const);

function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd: root }, (_, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err });
    });
  });
}

describe.concurrent('a benchmark', () => {
  it.each(benchmarks)('%s explains itself, and refuses an option that it does not have', async (name, file) => {
    const help = await run(file, '--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain(`npm run ${name} -- `);
    const refused = await run(file, '--no-such-option');
    expect(refused).toEqual({
      code: 2,
      out: '',
      err: expect.stringMatching(/^Unknown option '--no-such-option'\n--help/),
    });
  });

  /** A benchmark with an option of each kind, which prints what it got. */
  const program = `
    import { readOptions } from ${JSON.stringify(new URL('../../bench/options.mjs', import.meta.url).href)};
    const options = {
      rounds: { type: 'string', kind: 'count', default: '7' },
      clients: { type: 'string', kind: 'counts' },
      tokens: { type: 'string', kind: 'lengths' },
      seconds: { type: 'string', kind: 'number' },
      model: { type: 'string', kind: 'file', multiple: true },
      node: { type: 'string', kind: 'program' },
      precision: { type: 'string', of: ['high', 'fast'] },
      only: { type: 'string', listOf: ['process', 'server'] },
    };
    console.log(JSON.stringify(readOptions('', { options }).values));`;
  const read = (...args: readonly string[]) => run('--input-type=module', '-e', program, '--', ...args);

  it('gets the values of its options', async () => {
    const given = ['--clients=1,8', '--tokens=32,mixed', '--seconds=0.5', '--model=package.json', '--node=node'];
    const { out } = await read(...given, '--precision=fast', '--only=server,process');
    expect(JSON.parse(out)).toEqual({
      rounds: 7,
      clients: [1, 8],
      tokens: [32, 'mixed'],
      seconds: 0.5,
      model: ['package.json'],
      node: 'node',
      precision: 'fast',
      only: ['server', 'process'],
    });
  });

  it.each([
    ['--rounds=0', 'a whole number from 1 on'],
    ['--rounds=x', 'a whole number from 1 on'],
    ['--clients=0', 'whole numbers from 1 on, separated by commas'],
    ['--clients=two', 'whole numbers from 1 on, separated by commas'],
    ['--clients=1.5', 'whole numbers from 1 on, separated by commas'],
    ['--clients=1,,8', 'whole numbers from 1 on, separated by commas'],
    ['--clients=', 'whole numbers from 1 on, separated by commas'],
    ['--tokens=1', 'whole numbers from 2 on or mixed'],
    ['--seconds=0', 'a number above 0'],
    ['--model=no-such.gguf', 'a file that exists'],
    ['--node=./no-such-node', 'a program that exists'],
    ['--precision=hgih', 'one of high, fast'],
    ['--only=srever', 'process, server, or several'],
  ])('refuses %s', async (option, wants) => {
    const { code, out, err } = await read(option);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`${option.replace('=', ' ')}: give ${wants}`);
  });

  it('prints the message of a failure, and the stack of a mistake of its own', async () => {
    const failing = (what: string) => run('--input-type=module', '-e', `${program}\nthrow new ${what}('a side died')`);
    expect(await failing('Error')).toMatchObject({ code: 1, err: 'a side died\n' });
    expect(await failing('TypeError')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/TypeError: a side.*\n +at /),
    });
  });
});
