/**
 * @file The Python clients that people have, against the served program: openai, LangChain, LiteLLM, LlamaIndex,
 * huggingface_hub, Cohere. They take 650 MB and a minute to install, so only with CI=true, into a folder that is removed
 * afterwards; without Python or a package index the test is skipped and says so.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listening, model, start } from '../cli/run.ts';

const exec = promisify(execFile);
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-python-'));
const python = join(folder, 'bin/python');
const children: ReturnType<typeof start>[] = [];
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Why the clients are not there; undefined when they are. */
async function install(): Promise<string | undefined> {
  if (process.env.CI !== 'true') return 'they run with CI=true';
  try {
    await exec('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile'];
    await exec(python, [...pip, '-r', path('requirements.txt')], { timeout: 150_000 });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
const missing = await install();
if (missing !== undefined) console.warn(`tests of Python clients are skipped: ${missing}`);

async function serve(...args: string[]): Promise<string> {
  const child = start(['serve', '--port', '0', '--api-key', 'key', ...args]);
  children.push(child);
  return (await listening(child)).url;
}

describe.skipIf(missing !== undefined)('Python clients', () => {
  let answers: Readonly<Record<string, unknown>>;
  let expected: unknown;
  beforeAll(async () => {
    const embeddings = await serve('-m', model('bert-mean'));
    const reranker = await serve('-m', model('bert-rank'), '--reranking');
    const env = { PATH: process.env.PATH, HOME: folder, LITELLM_LOCAL_MODEL_COST_MAP: 'True' };
    const args = [path('clients.py'), embeddings, reranker, 'key'];
    const { stdout } = await exec(python, args, { env, timeout: 120_000, maxBuffer: 1 << 24 });
    answers = JSON.parse(stdout);
    const body = JSON.stringify({ input: ['hello', 'another text'] });
    const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer key' };
    const answer = await fetch(`${embeddings}/v1/embeddings`, { method: 'POST', headers, body });
    const { data } = (await answer.json()) as { data: { embedding: number[] }[] };
    expected = data.map(({ embedding }) => embedding.map(Math.fround));
  }, 150_000);

  it.for(['openai', 'langchain', 'litellm', 'llama_index'])('%s gets the vectors', (name) => {
    expect(answers[name]).toEqual(expected);
  });

  it('cohere and LiteLLM get the same ranking', () => {
    expect(answers.cohere).toEqual([
      [expect.any(Number), expect.any(Number)],
      [expect.any(Number), expect.any(Number)],
    ]);
    expect(answers.litellm_rerank).toEqual(answers.cohere);
  });

  it('huggingface_hub, which sends what another server takes, is told what is missing', () => {
    expect(answers.huggingface_hub).toContain('"input" or "content" must be provided');
  });
});
