/**
 * @file A checkout in the layout of jina-embeddings-v3 (test/fixtures/make/task_adapters.py): the model and the adapter of each task, against what the
 * arithmetic of the original gives, and adapters that must be refused.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConvertError } from '../../src/convert/conversion-error.ts';
import { convertFolder } from '../../src/convert/file.node.ts';
import { Embedder } from '../../src/engine/index.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { readJson } from '../models/support.ts';
import { cosine, floats, lengthRatio } from '../vectors.ts';
import { unpackCheckout } from './support.ts';

interface Fixture {
  readonly cases: readonly { text: string; base: string; tasks: Readonly<Record<string, string>> }[];
}

const { cases } = readJson<Fixture>('reference/own/jina-tasks.json');
const tasks = Object.keys(cases[0].tasks);

let folder: string;
let output: string;
beforeEach(() => {
  folder = unpackCheckout('jina-tasks');
  output = join(dirname(folder), 'model.gguf');
});
afterEach(() => rmSync(dirname(folder), { recursive: true }));

const adapterOf = (task: string) => join(dirname(folder), `lora-${task}-model.gguf`);

it.each(['reference', 'wasm'] as const)('computes what the original does on %s', async (backend) => {
  const written: string[] = [];
  await convertFolder(folder, output, 'F32', { onAdapter: (path) => written.push(path) });
  expect(written).toEqual(tasks.map(adapterOf));
  const lora = written.map((source) => ({ source, scale: 0 }));
  const embedder = await Embedder.load(output, { backend, worker: false, precision: 'high', lora });
  expect(embedder.info.adapters.map(({ task }) => task)).toEqual(tasks);
  const expectSame = async (text: string, wanted: string, task?: string) => {
    const [vector] = (await embedder.embed([text], { normalize: -1, task })).vectors;
    expect(1 - cosine(vector, floats(wanted)), `${task}: ${text}`).toBeLessThan(1e-6);
    expect(Math.abs(1 - lengthRatio(vector, floats(wanted))), `${task}: ${text}`).toBeLessThan(1e-3);
  };
  for (const { text, base, tasks: byTask } of cases) {
    await expectSame(text, base);
    for (const task of tasks) {
      await expectSame(text, byTask[task], task);
      expect(1 - cosine(floats(base), floats(byTask[task])), `${task}: ${text}`).toBeGreaterThan(1e-3);
    }
  }
  expect([cases.length, tasks.length]).toEqual([6, 5]);
  await embedder.dispose();
});

it('keeps adapters in float32 beside a quantised model, and replaces no file of another model', async () => {
  const other = join(dirname(folder), 'lora-separation-other.gguf');
  writeFileSync(other, 'x');
  await convertFolder(folder, output, 'Q8_0');
  const adapter = await openGguf(memorySource(readFileSync(adapterOf('retrieval.passage'))));
  expect(new Set(Array.from(adapter.tensors.values(), ({ type }) => type.name))).toEqual(new Set(['F32']));
  expect(adapter.tensors.get('token_embd.weight.lora_a')!.shape).toEqual([4, 1002]);
  expect(adapter.metadata.string('adapter.lora.prompt_prefix')).toBe('Represent the document for retrieval: ');
  expect(readFileSync(other, 'utf8')).toBe('x');
});

function editConfig(change: object): void {
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
}

/** Changes the names and shapes of the checkpoint; the values stay. */
function editShapes(change: (header: Record<string, { shape: number[] }>) => void): void {
  const path = join(folder, 'model.safetensors');
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, end));
  change(header);
  saveSafetensors(path, header, bytes.subarray(end));
}

function saveSafetensors(path: string, header: object, data: Uint8Array): void {
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([size, text, data]));
}

async function expectRefused(message: string): Promise<void> {
  const error = await convertFolder(folder, output, 'F32').catch((reason) => reason);
  expect(error).toBeInstanceOf(ConvertError);
  expect(error.message).toContain(message);
  expect(readdirSync(dirname(folder))).toEqual(['jina-tasks']);
}

it.each([
  [{ lora_adaptations: null }, 'lora_adaptations is undefined'],
  [{ lora_adaptations: [] }, 'lora_adaptations is []'],
  [{ lora_adaptations: 'retrieval.query' }, 'lora_adaptations is "retrieval.query"'],
  [{ lora_adaptations: ['../../x', ...tasks.slice(1)] }, 'lora_adaptations is ["../../x"'],
  [{ lora_adaptations: ['Separation', ...tasks.slice(1)] }, 'has a task twice'],
  [{ lora_adaptations: tasks.slice(1) }, 'for 4 tasks, the rank 4 and a weight'],
  [{ lora_rank: 8 }, 'for 5 tasks, the rank 8 and a weight'],
  [{ lora_alpha: 0 }, 'lora_alpha is 0'],
  [{ lora_alpha: 'x' }, 'lora_alpha is "x"'],
  [{ task_instructions: { separation: '' } }, 'task_instructions has no text for the task retrieval.query'],
  [{ task_instructions: 3 }, 'task_instructions has no text for the task retrieval.query'],
])('a config with %j is refused', async (change, message) => {
  editConfig(change);
  await expectRefused(message);
});

const WQKV = 'roberta.encoder.layers.1.mixer.Wqkv.parametrizations.weight';
const TABLE = 'roberta.embeddings.word_embeddings.parametrizations.weight';
it.each([
  [
    `${WQKV}.0.lora_A`,
    [5, 32, 4],
    'its lora_A is [5, 32, 4]; for 5 tasks, the rank 4 and a weight [96, 32] it must be [5, 4, 32]',
  ],
  [`${WQKV}.0.lora_A`, [20, 32], 'its lora_A is [20, 32]'],
  [`${WQKV}.0.lora_B`, [5, 4, 96], 'it must be [5, 96, 4]'],
  [`${TABLE}.0.lora_A`, [5, 4, 1002], 'it must be [5, 1002, 4]'],
  [`${TABLE}.0.lora_B`, [5, 32, 4], 'it must be [5, 4, 32]'],
  [`${WQKV}.original`, [96, 16, 2], 'it is [96, 16, 2], not a matrix'],
])('%s of the shape %j is refused', async (name, shape, message) => {
  editShapes((header) => {
    header[name].shape = shape;
  });
  await expectRefused(message);
});

it.each([
  [`${WQKV}.0.lora_A`, `${WQKV}.1.lora_A`, 'its lora_A is missing'],
  [`${WQKV}.0.lora_B`, `${WQKV}.0.lora_C`, 'its lora_B is missing'],
  [`${WQKV}.original`, `${WQKV}.first`, 'its original is missing'],
])('%s under the name %s is refused', async (name, other, message) => {
  editShapes((header) => {
    header[other] = header[name];
    delete header[name];
  });
  await expectRefused(message);
});

it('a checkpoint without adapters gives the model alone', async () => {
  editShapes((header) => {
    for (const name of Object.keys(header).filter((one) => /\.lora_[AB]$/.test(one))) {
      header[`roberta.pooler.dense.${name.replaceAll('.', '_')}`] = header[name];
      delete header[name];
    }
  });
  await convertFolder(folder, output, 'F32');
  expect(readdirSync(dirname(folder)).sort()).toEqual(['jina-tasks', 'model.gguf']);
});

it('an adapter of PEFT for the table of token types has the shapes of its model', async () => {
  const peft = join(dirname(folder), 'peft');
  mkdirSync(peft);
  writeFileSync(join(peft, 'adapter_config.json'), JSON.stringify({ peft_type: 'LORA', lora_alpha: 2, r: 2 }));
  const b = Float32Array.from({ length: 64 }, (_, i) => i - 30);
  const name = (part: string) => `base_model.model.embeddings.token_type_embeddings.lora_embedding_${part}`;
  const header = {
    [name('A')]: { dtype: 'F32', shape: [2, 1], data_offsets: [0, 8] },
    [name('B')]: { dtype: 'F32', shape: [32, 2], data_offsets: [8, 264] },
  };
  saveSafetensors(
    join(peft, 'adapter_model.safetensors'),
    header,
    new Uint8Array(Float32Array.of(0.5, -2, ...b).buffer),
  );
  await convertFolder(folder, output, 'F32');
  const adapter = join(dirname(folder), 'adapter.gguf');
  await convertFolder(peft, adapter, 'F32', { base: folder });
  const file = await openGguf(memorySource(readFileSync(adapter)));
  expect(file.tensors.get('token_types.weight.lora_a')!.shape).toEqual([32, 2]);
  const embedder = await Embedder.load(output, { backend: 'reference', worker: false, lora: [adapter] });
  const [plain, adapted] = [[], undefined].map((lora) => embedder.embed(['a text'], { lora }));
  expect(cosine((await plain).vectors[0], (await adapted).vectors[0])).toBeLessThan(0.999);
  await embedder.dispose();
});
