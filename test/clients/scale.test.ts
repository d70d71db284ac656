/**
 * @file The example with Apache Spark: each row comes once, with the bits of `embed --output`, also when a gguf-embed process is killed
 * under way. Spark takes 450 MB and a Java virtual machine.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { main, model, run } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { exec, path, scratchPython } from './scratch-python.ts';

const example = fileURLToPath(new URL('../../examples/scale/spark_embed.py', import.meta.url));
const hasJava = (() => {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('SKIPPED: the example with Spark: there is no Java virtual machine');
    return false;
  }
})();
const { python, missing } = hasJava
  ? await scratchPython('the example with Spark', 'scale-requirements.txt')
  : { python: '', missing: 'no Java' };
const temporary = temporaryFolder();

/** Ends one of the processes that Spark has started for a model, without notice. */
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

describe.skipIf(missing !== undefined || process.platform !== 'linux')('spark_embed.py', () => {
  it('gives each row once with the same bits, although a process is killed', async () => {
    // Its path tells the processes of this test from all others.
    const copy = temporary.write('model.gguf', readFileSync(model('bert-mean')));
    const input = temporary.file('input.parquet');
    await exec(python, [path('scale.py'), 'make', input]);
    const expected = temporary.file('expected.parquet');
    expect((await run(['embed', '-m', copy, input, '-o', expected])).code).toBe(0);

    const output = temporary.file('output');
    const env = {
      PATH: process.env.PATH,
      HOME: temporary.path,
      GGUF_EMBED: `${process.execPath} ${main}`,
      SPARK_MASTER: 'local[2,4]',
      PYSPARK_PYTHON: python,
      SPARK_LOCAL_IP: '127.0.0.1',
      ...(process.env.JAVA_HOME && { JAVA_HOME: process.env.JAVA_HOME }),
    };
    const running = promisify(execFile)(python, [example, copy, input, output], { env, maxBuffer: 1 << 24 });
    let nKilled = 0;
    const killing = setInterval(() => {
      if (nKilled === 0 && killWorker(copy)) nKilled++;
    }, 20);
    const { stderr } = await running.finally(() => clearInterval(killing));
    expect(nKilled).toBe(1);
    expect(stderr).toContain('gguf-embed ended with exit code -9');
    const { stdout } = await exec(python, [path('scale.py'), 'compare', expected, output]);
    expect(stdout.trim()).toBe('same');
  }, 500_000);
});
