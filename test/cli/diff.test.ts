/**
 * @file The command `diff` as a process, over files that `quantize` makes.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openModelFile } from '../../src/gguf/file.node.ts';
import { type GgufFile, nElements, openGguf, rowBytes } from '../../src/gguf/index.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';
import { model, run } from './run.ts';

const bert = model('bert-mean');
let folder: string;
let q8: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-embed-diff-'));
  q8 = join(folder, 'q8.gguf');
  expect((await run(['quantize', bert, q8, 'Q8_0'])).code).toBe(0);
});
afterAll(() => rm(folder, { recursive: true }));

async function valuesOf(file: GgufFile, name: string): Promise<Float32Array> {
  const info = file.tensors.get(name)!;
  const n = nElements(info.shape);
  const bytes = new Uint8Array(rowBytes(info.type, n));
  await file.readTensor(info, 0, bytes);
  const values = new Float32Array(n);
  codecs[info.type.name].dequantize(bytes, values, n);
  return values;
}

it('a file is the same as itself', async () => {
  const { code, stdout } = await run(['diff', bert, bert]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^a: .*\nb: .*\n\d+ tensors are the same\n$/)]);
});

it('says keys, tensors and errors, whatever the order of the files', async () => {
  const { code, stdout } = await run(['diff', bert, q8, '--json']);
  expect(code).toBe(1);
  const found = JSON.parse(stdout);
  expect(found.reference).toBe('a');
  expect(found.metadata.map(({ key }: { key: string }) => key)).toContain('general.file_type');
  expect(found.types).toHaveLength(1);
  const [a, b] = await Promise.all([bert, q8].map(async (path) => openGguf(await openModelFile(path))));
  let [total, reference] = [0, 0];
  for (const { name, error, largest } of found.tensors) {
    const [x, y] = [await valuesOf(a, name), await valuesOf(b, name)];
    const differences = x.map((value, i) => value - y[i]);
    const squares = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
    expect(error).toBeCloseTo(Math.sqrt(squares(differences) / squares(x)), 7);
    expect(largest).toBeCloseTo(Math.max(...differences.map(Math.abs)), 7);
    total += squares(differences);
    reference += squares(x);
  }
  await Promise.all([a.close(), b.close()]);
  const [type] = found.types;
  expect(type).toMatchObject({ types: ['F32', 'Q8_0'], nTensors: found.tensors.length });
  expect(type.error).toBeCloseTo(Math.sqrt(total / reference), 7);
  expect(type.error).toBeGreaterThan(1e-3);
  expect(type.error).toBeLessThan(1e-2);
  const swapped = JSON.parse((await run(['diff', q8, bert, '--json'])).stdout);
  expect([swapped.reference, swapped.types[0].error]).toEqual(['b', type.error]);
});

it('prints tables', async () => {
  const { code, stdout } = await run(['diff', bert, q8]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^ {2}general\.file_type +0 \(uint32\) +7 \(uint32\)$/m);
  expect(stdout).toMatch(/^\d+ tensors differ \(the reference is a\)\n {2}name +types +shape +error +largest\n/m);
  expect(stdout).toMatch(/^ {2}F32 → Q8_0 +\d+ +\d\.\d{3}e-3 +/m);
});

it('finds one changed byte, and refuses a file that is not GGUF', async () => {
  const bytes = await readFile(bert);
  bytes[bytes.length - 20] ^= 1;
  const path = join(folder, 'changed.gguf');
  await writeFile(path, bytes);
  const found = JSON.parse((await run(['diff', bert, path, '--json'])).stdout);
  expect([found.metadata, found.tensors.length, found.nSame > 10]).toEqual([[], 1, true]);
  await writeFile(path, 'hello');
  expect(await run(['diff', bert, path])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^error: /),
  });
  expect((await run(['diff', bert])).stderr).toContain('give two files');
});
