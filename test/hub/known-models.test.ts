/**
 * @file The table of known models: which files are which model, and what follows for their prompts.
 */
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { checkedHow } from '../../src/cli/help/known-models-page.ts';
import { GgufWriter, memorySink, memorySource, openGguf } from '../../src/gguf/index.ts';
import { DEFAULT_MODEL, findKnownModel, knownModels } from '../../src/hub/known-models.ts';
import { parseModelName } from '../../src/hub/model-name.ts';
import { architectures } from '../../src/models/registry.ts';
import { model as fixture, listening, run, start } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';

const temporary = temporaryFolder();
const traits = (names: string[], architecture = 'bert', layers = 12, dimensions = 384) => ({
  names,
  architecture,
  layers,
  dimensions,
});

it('names each model once, of an architecture that runs, in repositories that can exist', () => {
  expect(new Set(knownModels.map(({ name }) => name)).size).toBe(knownModels.length);
  for (const { name, original, gguf, architecture } of knownModels) {
    expect([...architectures.keys()], name).toContain(architecture);
    expect(parseModelName(original).repo).toBe(original);
    if (gguf !== undefined) expect(parseModelName(gguf).repo).toBe(gguf);
  }
  expect(knownModels.find(({ name }) => name === DEFAULT_MODEL)?.gguf).toBeDefined();
});

it.each([
  [traits(['Bge Small En v1.5']), 'bge-small-en-v1.5'],
  [traits(['', 'bge-small-en-v1.5-q8_0.gguf']), 'bge-small-en-v1.5'],
  [traits(['all-MiniLM-L6-v2'], 'bert', 6), 'all-MiniLM-L6-v2'],
  [traits(['Multilingual E5 Small']), 'multilingual-e5-small'],
  [traits(['multilingual-e5-large-instruct'], 'bert', 24, 1024), 'multilingual-e5-large-instruct'],
  [traits(['nomic-embed-text-v1.5'], 'nomic-bert', 12, 768), 'nomic-embed-text-v1.5'],
  [traits(['Qwen3 Embedding 0.6B'], 'qwen3', 28, 1024), 'Qwen3-Embedding-0.6B'],
  [traits(['Qwen3 VL Embedding 2B'], 'qwen3vl', 28, 2048), 'Qwen3-VL-Embedding-2B'],
  [traits(['', 'Qwen3-VL-Reranker-2B-Q8_0.gguf'], 'qwen3vl', 28, 2048), 'Qwen3-VL-Reranker-2B'],
  [traits(['Jina Embeddings v4 Text Retrieval'], 'qwen2vl', 36, 2048), 'jina-embeddings-v4'],
  [traits(['Nomic Embed Multimodal 7b'], 'qwen2vl', 28, 3584), 'nomic-embed-multimodal-7b'],
  [traits(['colnomic-embed-multimodal-3b'], 'qwen2vl', 36, 2048), 'colnomic-embed-multimodal-3b'],
  [traits(['Gme Qwen2 VL 2B Instruct'], 'qwen2vl', 28, 1536), 'gme-Qwen2-VL-2B-Instruct'],
  [traits(['bge-small-en-v1.5'], 'nomic-bert'), undefined],
  [traits(['bge-small-en-v1.5'], 'bert', 12, 768), undefined],
  [traits(['bge-small-en-v1.5'], 'bert', 11), undefined],
  [traits(['a model', 'model.gguf']), undefined],
])('%j is %s', (file, name) => {
  expect(findKnownModel(file)?.name).toBe(name);
});

/** A file that calls itself by another name; its size stays. */
async function renamed(name: string): Promise<string> {
  const file = await openGguf(memorySource(readFileSync(fixture('bert-mean'))));
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  for (const key of file.metadata.keys()) writer.set(key, file.metadata.typed(key)!);
  writer.set('general.name', { type: 'string', value: name });
  for (const { name, type, shape } of file.tensors.values()) writer.addTensor(name, type, shape);
  await writer.writeHeader();
  for (const info of file.tensors.values()) {
    const bytes = new Uint8Array(info.byteLength);
    await file.readTensor(info, 0, bytes);
    await writer.writeTensor(info.name, [bytes]);
  }
  return temporary.write(`${name}.gguf`, sink.bytes());
}

it('a file that only has the name of a known model gets no prompts', async () => {
  const end = await run(['serve', '-m', await renamed('e5-small-v2'), '--port', '0', '--default-prompt-name', 'query']);
  expect(end.stderr).toContain('there is no prompt "query" (known: none; give others with --prompts FILE)');
});

it("a file with the name and size of a known model gets that model's prompts", async () => {
  const path = temporary.file('snowflake-arctic-embed-xs.gguf');
  symlinkSync(fileURLToPath(new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url)), path);
  const prompts = temporary.write('prompts.json', '{"mine":"my own: "}');
  const server = await listening(start(['serve', '-m', path, '--port', '0', '--prompts', prompts]));
  const vector = async (body: object) => {
    const answer = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', body: JSON.stringify(body) });
    return answer.json();
  };
  const asked = await vector({ input: 'panda', prompt_name: 'query' });
  const spelt = await vector({ input: 'Represent this sentence for searching relevant passages: panda' });
  expect(asked.data[0].embedding).toEqual(spelt.data[0].embedding);
  expect((await vector({ input: 'panda', prompt_name: 'mine' })).data).toHaveLength(1);
  expect((await vector({ input: 'panda', prompt_name: 'other' })).error.message).toContain('known: query, mine');
  server.child.kill('SIGTERM');
  expect((await server.end).code).toBe(0);
});

it('serve without a model says which command serves one', async () => {
  const end = await run(['serve', '--port', '0']);
  expect(end).toMatchObject({ code: 1, stdout: '' });
  expect(end.stderr).toMatch(/for example: gguf-embed serve -hf ggml-org\/bge-small-en-v1\.5-Q8_0-GGUF\n$/);
});

it('models --known lists them all', async () => {
  const { stdout } = await run(['models', '--known']);
  expect(stdout.split('\n')).toHaveLength(knownModels.length + 1);
  expect(stdout).toMatch(/^bge-m3 +embedder +1024 +8192 +cls +MIT +-hf gpustack\/bge-m3-GGUF$/m);
  expect(JSON.parse((await run(['models', '--known', '--json'])).stdout)).toEqual(
    JSON.parse(JSON.stringify(knownModels)),
  );
});

it('the page says how each model is checked, and the files for it exist', async () => {
  const folder = new URL('../fixtures/', import.meta.url);
  const architectures = new Set<string>();
  for (const models of ['models/', 'multimodal/models/'].map((path) => new URL(path, folder))) {
    for (const file of readdirSync(models).filter((name) => name.endsWith('.gguf'))) {
      const opened = await openGguf(memorySource(readFileSync(new URL(file, models)), file));
      architectures.add(opened.metadata.string('general.architecture')!);
    }
  }
  const checkouts = readdirSync(new URL('reference/own/', folder));
  for (const known of knownModels) {
    const how = checkedHow(known);
    if (how === 'architecture') expect(architectures, known.name).toContain(known.architecture);
    const family =
      { multi: 'colbert-', sparse: 'sp' }[known.kind as string] ??
      { 'jina-bert-v3': 'jina-tasks' }[known.architecture] ??
      known.architecture.replace('gguf-embed-', '');
    if (how === 'small checkout')
      expect(
        checkouts.some((file) => file.startsWith(family) || file === `${known.name}.json`),
        known.name,
      ).toBe(true);
    if (how === 'real weights')
      expect(existsSync(new URL(`../../models/${known.name}-Q8_0.gguf`, import.meta.url))).toBe(true);
  }
});
