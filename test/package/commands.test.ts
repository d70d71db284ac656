/**
 * @file Every command of the installed package, as a user starts it.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unpackCheckout } from '../convert/support.ts';
import { cosine } from '../vectors.ts';
import { ask, bundled, describeInstalled, type Embeddings, folder, program, run, serving, succeed } from './project.ts';

/** The vector of a text by a model of the project. */
async function embed(model: string, text: string): Promise<Float32Array> {
  const { stdout } = await succeed('embed', '-m', model, '-p', text, '--embd-output-format', 'array');
  return Float32Array.from((JSON.parse(stdout) as number[][])[0]);
}

describeInstalled('installed from its tarball, the program', () => {
  it('embeds a text, and lines of JSON', async () => {
    const vector = await embed(bundled, 'a text');
    expect(vector).toHaveLength(384);
    expect(cosine(vector, vector)).toBeCloseTo(1, 5);
    const lines = await run(program, ['embed', '-m', bundled, '--jsonl'], { input: '"a text"\n"another"\n' });
    expect(lines, lines.stderr).toMatchObject({ code: 0 });
    const [first, second, ...more] = lines.stdout.trim().split('\n');
    expect(more).toEqual([]);
    expect(cosine(Float32Array.from(JSON.parse(first)), vector)).toBeCloseTo(1, 6);
    expect(cosine(Float32Array.from(JSON.parse(second)), vector)).toBeLessThan(0.99);
  });

  it('serves, with large bodies too, and ends with 0 by SIGTERM', async () => {
    const long = 'many words '.repeat(20);
    const { code, log } = await serving(['-m', bundled], async (url) => {
      expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' });
      const { data } = await ask<Embeddings>(`${url}/v1/embeddings`, { input: ['a text', 'a text', 'another'] });
      expect(data[1].embedding).toEqual(data[0].embedding);
      expect(data[2].embedding).not.toEqual(data[0].embedding);
      // More than 64 KiB go through a worker of their own.
      const { tokens } = await ask<{ tokens: number[] }>(`${url}/tokenize`, { content: long.repeat(5000) });
      expect(tokens).toHaveLength(200_000);
      const many = await ask<Embeddings>(`${url}/v1/embeddings`, { input: ['a text', ...Array(400).fill(long)] });
      expect(many.data[0].embedding).toEqual(data[0].embedding);
    });
    expect(code, log).toBe(0);
  });

  it('reranks', async () => {
    const documents = ['one', 'another, longer one'];
    const { stdout } = await succeed('rerank', '-m', 'bert-rank.gguf', '-q', 'a question', ...documents);
    expect(stdout.trim().split('\n')).toHaveLength(2);
    for (const document of documents) expect(stdout).toContain(document);
  });

  it('tokenizes', async () => {
    const { stdout } = await succeed('tokenize', '-m', bundled, '-p', 'hello world', '--ids');
    expect(JSON.parse(stdout)).toEqual([101, 7592, 2088, 102]);
  });

  it('inspects', async () => {
    const { stdout } = await succeed('inspect', bundled, '--json');
    const { metadata } = JSON.parse(stdout);
    expect(metadata).toContainEqual({ key: 'general.architecture', type: 'string', value: 'bert' });
  });

  it('converts a checkout, and quantizes what came out', async () => {
    await cp(unpackCheckout('bert-mean'), join(folder, 'checkout'), { recursive: true });
    await succeed('convert', 'checkout', 'converted.gguf', '--outtype', 'f32');
    await succeed('quantize', 'converted.gguf', 'quantized.gguf', 'Q8_0');
    const [whole, quantized] = [await embed('converted.gguf', 'a text'), await embed('quantized.gguf', 'a text')];
    expect(whole).not.toEqual(quantized);
    expect(cosine(whole, quantized)).toBeGreaterThan(0.99);
  });

  it('says its version and helps', async () => {
    expect((await succeed('--version')).stdout).toMatch(/\d+\.\d+\.\d+/);
    expect((await succeed('--help')).stdout).toContain('serve');
    for (const command of ['serve', 'embed', 'rerank', 'tokenize', 'inspect', 'convert', 'quantize']) {
      expect((await succeed(command, '--help')).stdout).toContain(command);
    }
  });
});
