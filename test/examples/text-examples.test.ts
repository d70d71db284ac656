/**
 * @file The examples with texts run as their headers say, and stay short.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const model = path('models/all-MiniLM-L6-v2-Q8_0.gguf');
const folder = mkdtempSync(join(tmpdir(), 'examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

const start = (name: string, ...args: string[]) =>
  spawn(process.execPath, [path(`examples/${name}/${name}.mjs`), ...args]);

/** The lines that an example prints. */
async function output(name: string, args: string[], input = ''): Promise<string[]> {
  const child = start(name, ...args);
  child.stdin.end(input);
  let printed = '';
  let errors = '';
  child.stdout.on('data', (data) => (printed += data));
  child.stderr.on('data', (data) => (errors += data));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code, errors).toBe(0);
  return printed.trimEnd().split('\n');
}

it('search-folder finds the paragraph that answers', async () => {
  mkdirSync(join(folder, 'more'));
  writeFileSync(join(folder, 'animals.md'), 'Cats sleep most of the day.\n\nBees make honey from nectar.\n');
  writeFileSync(join(folder, 'more/trains.txt'), 'The last train leaves at midnight.\n');
  writeFileSync(join(folder, 'data.bin'), 'no text');
  const lines = await output('search-folder', [model, folder, 'When does the last railway connection depart?']);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^0\.\d{4} {2}more.trains\.txt {2}The last train leaves at midnight\.$/);
}, 30_000);

it('rerank prints all lines with falling scores', async () => {
  const reranker = path('test/fixtures/models/bert-rank.gguf');
  const lines = await output('rerank', [reranker, 'what is a panda?'], 'hi\nThe panda is a bear.\n\nit is a hat\n');
  const scores = lines.map((line) => Number.parseFloat(line));
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  expect(lines.map((line) => line.slice(8)).sort()).toEqual(['The panda is a bear.', 'hi', 'it is a hat']);
}, 30_000);

it('cluster puts lines of one subject together', async () => {
  const animals = ['a dog barks', 'a puppy plays with a dog', 'the dog chases a cat'];
  const money = ['interest rates of the bank', 'the bank lends money', 'a loan with low interest'];
  const mixed = animals.flatMap((animal, i) => [animal, money[i]]);
  const lines = await output('cluster', [model, '2'], mixed.join('\n'));
  expect(lines).toEqual([...animals, '', ...money]);
}, 30_000);

it('hono-route answers, refuses a query without texts, and stops', async () => {
  const child = start('hono-route', model, '0');
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (data) => resolve(String(data).trim().split(' ').at(-1) ?? ''));
      child.on('close', () => reject(new Error('the example ended')));
    });
    const similarity = async (a: string, b: string) => {
      const answer = await fetch(`${url}/similarity?${new URLSearchParams({ a, b })}`);
      return ((await answer.json()) as { similarity: number }).similarity;
    };
    expect(await similarity('a dog', 'a puppy')).toBeGreaterThan(await similarity('a dog', 'a tax form'));
    expect((await fetch(`${url}/similarity?a=x`)).status).toBe(400);
    const tooLong = await fetch(`${url}/similarity?a=x&b=${'word+'.repeat(1000)}`);
    expect([tooLong.status, await tooLong.text()]).toEqual([400, expect.stringContaining('context')]);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
}, 30_000);

it('every program among the examples has fewer than 60 lines of code, that with a queue fewer than 130', () => {
  const programs = readdirSync(path('examples'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(mjs|py|html)$/.test(name),
  );
  expect(programs.length).toBeGreaterThan(8);
  for (const name of programs) {
    const code = readFileSync(path(`examples/${name}`), 'utf8').replace(/^"""(.|\n)*?"""\n/m, '');
    expect(code.split('\n').length, name).toBeLessThan(name.endsWith('queue.mjs') ? 130 : 60);
  }
});
