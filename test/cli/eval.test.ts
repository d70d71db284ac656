/**
 * @file The command `eval` as a process. With STSB_TEST_CSV, the path of STSBenchmark's English test pairs (text, text, score), the
 * bundled model is measured on them; they are not part of the project.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { spearman } from '../../src/audit/eval/metrics.ts';
import { Embedder } from '../../src/engine/index.ts';
import { cosine } from '../vectors.ts';
import { finished, main, model, run } from './run.ts';

const bert = model('bert-mean');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-embed-eval-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('correlates the cosines of pairs with their scores', async () => {
  const pairs = [
    ['a dog', 'a cat', 3],
    ['the sea', 'the ocean', 5],
    ['one', 'a house', 0.5],
    ['a dog', 'dogs', 4],
  ] as const;
  const path = join(folder, 'pairs.jsonl');
  await writeFile(
    path,
    pairs.map(([sentence1, sentence2, score]) => JSON.stringify({ sentence1, sentence2, score })).join('\n'),
  );
  const embedder = await Embedder.load(bert, { backend: 'wasm', worker: false });
  const cosines = await Promise.all(
    pairs.map(async ([a, b]) => {
      const { vectors } = await embedder.embed([`q: ${a}`, `q: ${b}`]);
      return cosine(vectors[0], vectors[1]);
    }),
  );
  await embedder.dispose();
  const { code, stdout } = await run(['eval', '-m', bert, path, '--json', '--query-prefix', 'q: ']);
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({
    model: 'synthetic bert-mean',
    backend: 'wasm',
    task: 'sts',
    nPairs: 4,
    nTruncated: 0,
  });
  expect(result.spearman).toBe(
    spearman(
      cosines,
      pairs.map(([, , score]) => score),
    ),
  );
  expect((await run(['eval', '-m', bert, path])).stdout).toMatch(
    /^Spearman -?[\d.]+, Pearson -?[\d.]+ \(× 100\), 4 pairs, [\d.]+ s\n$/,
  );
});

it('evaluates a folder of BEIR', async () => {
  const root = join(folder, 'beir');
  await mkdir(join(root, 'qrels'), { recursive: true });
  const lines = (texts: readonly string[], prefix: string) =>
    texts.map((text, i) => JSON.stringify({ _id: `${prefix}${i}`, text })).join('\n');
  const texts = ['a dog', 'the sea', 'one', 'a house', 'green tea', 'the law'];
  await writeFile(join(root, 'corpus.jsonl'), lines(texts, 'd'));
  // Each query is the text of a document, which is then the nearest one.
  await writeFile(join(root, 'queries.jsonl'), lines(texts.slice(1, 4), 'q'));
  await writeFile(join(root, 'qrels/test.tsv'), 'query-id\tcorpus-id\tscore\nq0\td1\t1\nq1\td2\t1\nq2\td3\t1\n');
  await writeFile(join(root, 'qrels/dev.tsv'), 'q0\td1\t1\nq0\td77\t1\n');
  const { code, stdout } = await run(['eval', '-m', bert, root, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    task: 'retrieval',
    nQueries: 3,
    nDocuments: 6,
    'ndcg@10': 1,
    'recall@10': 1,
    'recall@100': 1,
  });
  const dev = await run(['eval', '-m', bert, root, '--split', 'dev']);
  expect(dev.stdout).toMatch(/^ndcg@10 61\.31, recall@10 50\.00, recall@100 50\.00 \(× 100\), 1 query, 6 documents/);
  const none = await run(['eval', '-m', bert, root, '--split', 'train']);
  expect(none.stderr).toBe(`error: ${root} has no judgements in qrels/train.tsv; --split can be dev, test\n`);
});

it('reads lines of a folder of BEIR as every other text', async () => {
  const root = join(folder, 'odd');
  await mkdir(join(root, 'qrels'), { recursive: true });
  const texts = ['a dog', 'the\u2028sea', 'one\u2029two'];
  const lines = (prefix: string) =>
    texts.map((text, i) => `${JSON.stringify({ _id: `${prefix}${i}`, text })}\r\n`).join('');
  await writeFile(join(root, 'corpus.jsonl'), `\ufeff${lines('d')}`);
  await writeFile(join(root, 'queries.jsonl'), Buffer.from(`\ufeff${lines('q')}`, 'utf16le'));
  await writeFile(join(root, 'qrels/test.tsv'), 'q0\td0\t1\nq1\td1\t1\nq2\td2\t1\n');
  const { stdout, stderr } = await run(['eval', '-m', bert, root]);
  expect(stderr).not.toContain('error');
  expect(stdout).toMatch(/^ndcg@10 100\.00, .*3 queries, 3 documents/);
  await writeFile(join(root, 'corpus.jsonl'), Buffer.from([...Buffer.from(lines('d')), 0x22, 0xff]));
  expect((await run(['eval', '-m', bert, root])).stderr).toContain(
    `error: ${root}: line 4 of corpus.jsonl is not UTF-8 text: byte 1 of the line does not begin a character\n`,
  );
  await writeFile(join(root, 'queries.jsonl'), '{"_id":"q0"}');
  expect((await run(['eval', '-m', bert, root])).stderr).toBe(
    `error: line 1 of queries.jsonl must have the texts _id and text\n`,
  );
});

it('puts named prompts around queries and documents', async () => {
  const root = join(folder, 'prompts');
  await mkdir(join(root, 'qrels'), { recursive: true });
  const lines = (texts: readonly string[]) => texts.map((text, i) => JSON.stringify({ _id: `${i}`, text })).join('\n');
  await writeFile(join(root, 'corpus.jsonl'), lines(['a dog', 'the sea', 'green tea', 'the law', 'one', 'a house']));
  await writeFile(join(root, 'queries.jsonl'), lines(['an animal', 'water', 'a drink']));
  await writeFile(join(root, 'qrels/test.tsv'), '0\t5\t1\n1\t4\t2\n1\t3\t1\n2\t0\t1\n');
  const prompts = join(root, 'prompts.json');
  await writeFile(prompts, JSON.stringify({ query: 'find: ', passage: 'the text of a note: ' }));
  const scores = async (...options: string[]) => {
    const { code, stdout } = await run(['eval', '-m', bert, root, '--json', ...options]);
    expect(code).toBe(0);
    return { ...JSON.parse(stdout), seconds: undefined };
  };
  const named = ['--prompts', prompts, '--query-prompt-name', 'query', '--document-prompt-name', 'passage'];
  const written = ['--query-prefix', 'find: ', '--document-prefix', 'the text of a note: '];
  expect(await scores(...named)).toEqual(await scores(...written));
  expect(await scores(...named)).not.toEqual(await scores());
});

it.skipIf(process.platform === 'win32')('reads the file of --prompts once, so that a shell may write it', async () => {
  const path = join(folder, 'once.jsonl');
  const pairs = ['a dog', 'the sea', 'one'].map((sentence1, score) => ({ sentence1, sentence2: 'a cat', score }));
  await writeFile(path, pairs.map((pair) => JSON.stringify(pair)).join('\n'));
  const prompts = `--prompts <(printf '{"query":"find: "}') --query-prompt-name query`;
  const command = `"${process.execPath}" "${main}" eval -m "${bert}" "${path}" ${prompts}`;
  const env = { PATH: process.env.PATH, GGUF_EMBED_BACKEND: 'wasm' };
  const { code, stderr } = await finished(spawn('bash', ['--norc', '-c', command], { env }));
  expect([code, stderr]).toEqual([0, '']);
});

it.each([
  [[], 'give one data set'],
  [['x.csv', '--query-prompt-name', 'query', '--query-prefix', 'q'], '--query-prefix'],
  [['missing.csv'], 'DATA: cannot read missing.csv'],
  [[bert], 'DATA'],
  [[fileURLToPath(import.meta.url)], 'it has neither columns'],
  [['x.csv', '--pooling', 'none'], 'cannot read x.csv'],
])('refuses %j', async (more, message) => {
  const { code, stdout, stderr } = await run(['eval', '-m', bert, ...more]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^error: /);
  expect(stderr).toContain(message);
});

const benchmark = process.env.STSB_TEST_CSV;
if (benchmark === undefined)
  console.warn('STSBenchmark is left out: STSB_TEST_CSV does not say where its test pairs are');
it.skipIf(benchmark === undefined)(
  'the bundled model reaches 82.01 on STSBenchmark',
  { timeout: 300_000 },
  async () => {
    const bundled = fileURLToPath(new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
    const { stdout } = await run(['eval', '-m', bundled, benchmark!]);
    expect(stdout).toMatch(/^Spearman 82\.01, .* 1379 pairs/);
  },
);
