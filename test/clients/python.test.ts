/**
 * @file The Python clients that people have, against the served program: openai, LangChain, LiteLLM, LlamaIndex,
 * huggingface_hub, Cohere, Ollama, Haystack, Chroma, Voyage. They take 1 GB and a minute to install.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listening, model, start } from '../cli/run.ts';
import { exec, path, scratchPython } from './scratch-python.ts';

const { folder, python, missing } = await scratchPython('tests of Python clients', 'requirements.txt');
const children: ReturnType<typeof start>[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

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
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      ANONYMIZED_TELEMETRY: 'False',
      HAYSTACK_TELEMETRY_ENABLED: 'False',
    };
    const args = [path('clients.py'), embeddings, reranker, 'key'];
    const { stdout } = await exec(python, args, { env, timeout: 120_000, maxBuffer: 1 << 24 });
    answers = JSON.parse(stdout);
    const body = JSON.stringify({ input: ['hello', 'another text'] });
    const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer key' };
    const answer = await fetch(`${embeddings}/v1/embeddings`, { method: 'POST', headers, body });
    const { data } = (await answer.json()) as { data: { embedding: number[] }[] };
    expected = data.map(({ embedding }) => embedding.map(Math.fround));
  }, 150_000);

  const embedders = ['openai', 'langchain', 'litellm', 'llama_index', 'haystack'];
  it.for([...embedders, 'huggingface_hub_tei', 'llama_index_tei', 'ollama', 'chromadb', 'voyage'])(
    '%s gets the vectors',
    (name) => {
      expect(answers[name]).toEqual(expected);
    },
  );

  it('cohere and LiteLLM get the same ranking', () => {
    expect(answers.cohere).toEqual([
      [expect.any(Number), expect.any(Number)],
      [expect.any(Number), expect.any(Number)],
    ]);
    expect(answers.litellm_rerank).toEqual(answers.cohere);
  });

  it("Cohere's second client and Voyage's get the same ranking as probabilities", () => {
    const scores = answers.cohere as readonly (readonly [index: number, score: number])[];
    const probabilities = scores.map(([index, score]) => [index, expect.closeTo(1 / (1 + Math.exp(-score)), 5)]);
    expect(answers.cohere_v2).toEqual(probabilities);
    expect(answers.voyage_rerank).toEqual(probabilities);
  });

  it('huggingface_hub, which sends what another server takes, is told what is missing', () => {
    expect(answers.huggingface_hub).toContain('"input" or "content" must be provided');
  });
});
