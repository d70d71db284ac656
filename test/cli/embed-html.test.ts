/**
 * @file `embed --html` as a process.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TextMapData } from '../../src/audit/text-map/data.ts';
import { model, run } from './run.ts';

const bert = model('bert-mean');
const input = 'one text\nanother text\nsomething else\n';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-embed-map-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('writes a page instead of vectors, or beside them', async () => {
  const path = join(folder, 'map.html');
  const { code, stdout, stderr } = await run(['embed', '-m', bert, '--html', path], { input });
  expect([code, stdout, stderr]).toEqual([0, '', `wrote ${path}: 3 texts\n`]);
  const [, json] = /id="data">(.*)<\/script>/.exec(await readFile(path, 'utf8')) ?? [];
  const data: TextMapData = JSON.parse(json);
  expect(data).toMatchObject({
    model: 'synthetic bert-mean (bert, all F32)',
    texts: ['one text', 'another text', 'something else'],
    dimensions: 64,
  });
  expect(data.order).toHaveLength(3);
  const both = await run(['embed', '-m', bert, '--html', path, '--embd-output-format', 'array'], { input });
  const vectors: number[][] = JSON.parse(both.stdout);
  const cells = Buffer.from(data.vectors, 'base64');
  for (const [i, vector] of vectors.entries()) {
    for (const [j, value] of vector.entries())
      expect(cells.readInt16LE(2 * (64 * i + j)) * data.scales[i]).toBeCloseTo(value, 4);
  }
});

it.each([
  [['-p', 'alone'], /^error: --html compares texts/],
  [['--jsonl'], /^error: --html and --jsonl cannot be used together/],
  [['-p', 'one\\ntwo', '--pooling', 'none'], /^error: --html needs one vector for each text/],
])('refuses %j', async (more, message) => {
  const { code, stderr } = await run(['embed', '-m', bert, '--html', join(folder, 'x.html'), ...more]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
});
