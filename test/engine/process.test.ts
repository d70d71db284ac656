/**
 * @file A process of its own that uses the package: it must end by itself.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { fixture } from './support.ts';

it('ends when its work is done, without dispose', async () => {
  const script = `
    import { Embedder } from 'gguf-embed';
    const embedder = await Embedder.load(${JSON.stringify(fixture('bert-mean'))}, { backend: 'reference' });
    const { vectors } = await embedder.embed(['a', 'b']);
    console.log(vectors.length, vectors[0].length);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  });
  expect(stdout).toBe('2 64\n');
});
