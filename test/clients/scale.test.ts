/**
 * @file The examples with Apache Spark and Ray Data: each row comes once, with the bits of `embed --output`, also when a gguf-embed process is
 * killed under way. They take 800 MB, and Spark takes a Java virtual machine.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { main, model, run } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { exec, path, scratchPython } from './scratch-python.ts';

const example = (name: string) => fileURLToPath(new URL(`../../examples/scale/${name}`, import.meta.url));
const hasJava = (() => {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('SKIPPED: the example with Spark: there is no Java virtual machine');
    return false;
  }
})();
const { python, missing } = await scratchPython('the examples with Spark and Ray', 'scale-requirements.txt');
const temporary = temporaryFolder();

/** Ends one of the processes that an engine has started for a model, without notice. */
function killWorker(copy: string): boolean {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!args.includes(copy) || !args.includes('--jsonl')) continue;
      process.kill(Number(pid), 'SIGKILL');
      return true;
    } catch {
      // It has just ended.
    }
  }
  return false;
}

/** What each example needs from its environment, how many processes are killed, and what the engine then reports. */
const engines = [
  {
    name: 'spark_embed.py',
    isThere: hasJava,
    env: { SPARK_MASTER: 'local[2,4]', SPARK_LOCAL_IP: '127.0.0.1' },
    kills: 1,
    reports: 'gguf-embed ended with exit code -9',
  },
  // Those of both actors: whatever comes out is from new ones. Ray does not report what an actor writes last.
  {
    name: 'ray_embed.py',
    isThere: true,
    env: { RAY_ACTORS: '2', RAY_USAGE_STATS_ENABLED: '0' },
    kills: 2,
    reports: '',
  },
];

describe.skipIf(missing !== undefined || process.platform !== 'linux')('an example', () => {
  for (const { name, isThere, env, kills, reports } of engines) {
    it.skipIf(!isThere)(
      `${name} gives each row once with the same bits, although a process is killed`,
      async () => {
        // Its path tells the processes of this test from all others.
        const copy = temporary.write(`${name}.gguf`, readFileSync(model('bert-mean')));
        const input = temporary.file('input.parquet');
        await exec(python, [path('scale.py'), 'make', input]);
        const expected = temporary.file('expected.parquet');
        expect((await run(['embed', '-m', copy, input, '-o', expected])).code).toBe(0);

        const output = temporary.file(name);
        const all = {
          PATH: process.env.PATH,
          HOME: temporary.path,
          GGUF_EMBED: `${process.execPath} ${main}`,
          PYSPARK_PYTHON: python,
          RAY_TMPDIR: temporary.path,
          ...(process.env.JAVA_HOME && { JAVA_HOME: process.env.JAVA_HOME }),
          ...env,
        };
        const running = promisify(execFile)(python, [example(name), copy, input, output], {
          env: all,
          maxBuffer: 1 << 24,
        });
        let nKilled = 0;
        const killing = setInterval(() => {
          if (nKilled < kills && killWorker(copy)) nKilled++;
        }, 20);
        const { stderr } = await running.finally(() => clearInterval(killing));
        expect(nKilled).toBe(kills);
        expect(stderr).toContain(reports);
        const { stdout } = await exec(python, [path('scale.py'), 'compare', expected, output]);
        expect(stdout.trim()).toBe('same');
      },
      500_000,
    );
  }
});
