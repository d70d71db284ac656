/**
 * @file Adapters of PEFT with changed bytes, settings, shapes and offsets: each is refused with a proper error, or becomes a file that the model takes.
 */
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { convertAdapter } from '../../src/convert/adapter.ts';
import type { Checkout } from '../../src/convert/checkout/checkout.ts';
import { openCheckout } from '../../src/convert/checkout/folder.node.ts';
import { ConvertError } from '../../src/convert/conversion-error.ts';
import { convertFolder } from '../../src/convert/file.node.ts';
import { openFile } from '../../src/gguf/file.node.ts';
import { GgufError, memorySink, memorySource, openGguf } from '../../src/gguf/index.ts';
import { ModelError, outlineModel } from '../../src/models/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { countAllocations } from './allocation.ts';
import { Random } from './random.ts';

const RUNS = 400;
const MOST_BYTES = 4 * 1024 * 1024;
const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
const hostile = [0, -1, 1, 0.5, 3, 1e9, 2 ** 31, 2 ** 53, 1e300, '', 'F64', null, [], {}, [[]], true, '__proto__'];

const [base, folder] = ['mpnet-mean', 'mpnet-lora'].map(unpackCheckout);
afterAll(() => {
  for (const one of [base, folder]) rmSync(dirname(one), { recursive: true });
});

/** Replaces one value anywhere in a JSON text, or takes it out. */
function changeJson(text: string, random: Random): string {
  const values: [holder: Record<string, unknown>, key: string][] = [];
  const collect = (holder: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(holder)) {
      values.push([holder, key]);
      if (typeof value === 'object' && value !== null) collect(value as Record<string, unknown>);
    }
  };
  const json = JSON.parse(text) as Record<string, unknown>;
  collect(json);
  const [holder, key] = random.pick(values);
  if (random.chance(0.1)) delete holder[key];
  else holder[key] = random.pick(hostile);
  return JSON.stringify(json);
}

/** Changes the header of a safetensors file as JSON, or bits anywhere, or cuts the file. */
function changeWeights(bytes: Uint8Array, random: Random): Uint8Array {
  if (random.chance(0.6)) {
    const size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = new TextEncoder().encode(changeJson(new TextDecoder().decode(bytes.subarray(8, 8 + size)), random));
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
    return new Uint8Array([...length, ...header, ...bytes.subarray(8 + size)]);
  }
  if (random.chance(0.3)) return bytes.slice(0, random.below(bytes.length));
  const changed = bytes.slice();
  changed[random.below(random.chance(0.5) ? 600 : bytes.length)] ^= 1 << random.below(8);
  return changed;
}

test(`${RUNS} changed adapters of PEFT`, async () => {
  const path = join(dirname(base), 'model.gguf');
  await convertFolder(base, path, 'F32');
  const model = await openGguf(await openFile(path));
  const ofModel = await openCheckout(base);
  const files = new Map<string, Uint8Array>(
    [CONFIG, WEIGHTS].map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
  );

  async function works(changed: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    const checkout: Checkout = {
      name: 'adapter',
      files: [...changed.keys()],
      open: async (name) => {
        const bytes = changed.get(name);
        return bytes && memorySource(bytes, name);
      },
    };
    const sink = memorySink();
    try {
      await convertAdapter(checkout, ofModel, sink, 'F32', {});
      outlineModel(model, [await openGguf(memorySource(sink.bytes(), 'adapter'))]);
      return true;
    } catch (error) {
      if (error instanceof ConvertError || error instanceof GgufError || error instanceof ModelError) return false;
      throw error;
    }
  }

  expect(await works(files)).toBe(true);
  const allocated = countAllocations();
  const outcomes = { worked: 0, refused: 0 };
  for (let index = 0; index < RUNS; index++) {
    const random = new Random(9_000_011 + index);
    const changed = new Map(files);
    if (random.chance(0.4)) {
      const text = new TextDecoder().decode(files.get(CONFIG));
      changed.set(CONFIG, new TextEncoder().encode(changeJson(text, random)));
    } else changed.set(WEIGHTS, changeWeights(files.get(WEIGHTS)!, random));
    allocated();
    const worked = await works(changed);
    expect(allocated(), `case ${index}`).toBeLessThan(MOST_BYTES);
    outcomes[worked ? 'worked' : 'refused']++;
  }
  expect(Math.min(outcomes.worked, outcomes.refused)).toBeGreaterThan(RUNS / 20);
});
