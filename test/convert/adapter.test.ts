/**
 * @file LoRA adapters of PEFT, converted, against what PEFT computes with them (test/fixtures/make/peft_adapters.py), and those that must be refused.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConvertError } from '../../src/convert/conversion-error.ts';
import { convertFolder } from '../../src/convert/file.node.ts';
import { Embedder } from '../../src/engine/index.ts';
import { readJson } from '../models/support.ts';
import { cosine, floats, lengthRatio } from '../vectors.ts';
import { unpackCheckout } from './support.ts';

interface Fixture {
  readonly cases: readonly { text: string; tokens: number[]; raw: string }[];
}

describe.each([
  ['mpnet-lora', 'mpnet-mean'],
  ['qwen3-lora', 'qwen3-last'],
])('%s', (name, baseName) => {
  let base: string;
  let folder: string;
  let output: string;
  beforeEach(() => {
    [base, folder] = [unpackCheckout(baseName), unpackCheckout(name)];
    output = join(dirname(folder), 'adapter.gguf');
  });
  afterEach(() => {
    for (const one of [base, folder]) rmSync(dirname(one), { recursive: true });
  });

  const edit = (change: object) => {
    const path = join(folder, 'adapter_config.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
  };

  it.each([
    ['reference', 1e-6],
    ['wasm', 2e-5],
  ] as const)('computes what PEFT does on %s', async (backend, tolerance) => {
    const model = join(dirname(base), 'model.gguf');
    await convertFolder(base, model, 'F32');
    await convertFolder(folder, output, 'F32', { base });
    const embedder = await Embedder.load(model, { backend, worker: false, lora: [output] });
    const { cases } = readJson<Fixture>(`reference/own/${name}.json`);
    for (const { text, tokens, raw } of cases) {
      const found = (await embedder.embed([tokens], { normalize: -1 })).vectors[0];
      const plain = (await embedder.embed([tokens], { normalize: -1, lora: [] })).vectors[0];
      expect(1 - cosine(found, floats(raw)), text).toBeLessThan(tolerance);
      expect(Math.abs(1 - lengthRatio(found, floats(raw))), text).toBeLessThan(100 * tolerance);
      expect(1 - cosine(plain, floats(raw)), text).toBeGreaterThan(1e-4);
    }
    expect(cases.length).toBeGreaterThan(5);
    await embedder.dispose();
  });

  it.each([
    [{ peft_type: 'LOHA' }, 'peft_type is "LOHA"'],
    [{ use_dora: true }, 'use_dora is true'],
    [{ bias: 'all' }, 'bias is "all"'],
    [{ init_lora_weights: 'pissa' }, 'init_lora_weights is "pissa"'],
    [{ modules_to_save: ['classifier'] }, 'modules_to_save is set'],
    [{ alpha_pattern: { q: 3 } }, 'alpha_pattern is set'],
    [{ lora_alpha: 'x' }, 'lora_alpha is "x"'],
    [{ use_rslora: true, rank_pattern: { q: 3 } }, 'use_rslora with rank_pattern'],
  ])('with %j is refused', async (change, message) => {
    edit(change);
    const error = await convertFolder(folder, output, 'F32', { base }).catch((reason) => reason);
    expect(error).toBeInstanceOf(ConvertError);
    expect(error.message).toContain(message);
  });

  it('needs a model, and one that it belongs to', async () => {
    await expect(convertFolder(folder, output, 'F32')).rejects.toThrow('give the folder of its model');
    await expect(convertFolder(base, output, 'F32', { base })).rejects.toThrow('is no adapter');
    const other = unpackCheckout('bert-dense');
    await expect(convertFolder(folder, output, 'F32', { base: other })).rejects.toThrow(
      'a BertModel has no such matrix',
    );
    rmSync(dirname(other), { recursive: true });
  });
});
