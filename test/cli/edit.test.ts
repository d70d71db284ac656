/**
 * @file Metadata that differs from the file's: `--override-kv` and the flags of RoPE while a model is loaded, `edit` for good.
 */
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../src/gguf/file.node.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { cosine } from '../vectors.ts';
import { model, run } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const text = 'a text that is long enough to have a middle and an end '.repeat(3);

async function vectors(...args: string[]): Promise<Float32Array> {
  const result = await run(['embed', '-p', text, '--embd-output-format', 'array', ...args]);
  expect(result.stderr).not.toContain('error');
  return Float32Array.from(JSON.parse(result.stdout)[0]);
}

function copyOf(name: string, as: string): string {
  const path = folder.file(as);
  copyFileSync(model(name), path);
  return path;
}

describe('edit', () => {
  it('writes only the header where it fits, and the model computes with the new value', async () => {
    const path = copyOf('bert-mean', 'in-place.gguf');
    const before = readFileSync(path);
    const { ino } = statSync(path);
    const done = await run(['edit', path, '--set', 'bert.pooling_type=int:2']);
    expect(done.stderr).toContain('1 change, its header was rewritten');
    expect(statSync(path).ino).toBe(ino);
    const after = readFileSync(path);
    expect(after.length).toBe(before.length);
    expect(after.filter((byte, i) => byte !== before[i]).length).toBe(1);
    expect(await vectors('-m', path)).toEqual(await vectors('-m', model('bert-mean'), '--pooling', 'cls'));
  });

  it('writes a longer header with the same tensors, over the file or into another', async () => {
    const path = copyOf('bert-mean', 'longer.gguf');
    const other = folder.file('other.gguf');
    const longText = 'x'.repeat(5000);
    const set = ['--set', `general.description=str:${longText},bert.new=float:2.5`, '--remove', 'general.name'];
    expect((await run(['edit', path, other, ...set])).stderr).toContain('3 changes, the file was rewritten');
    expect(readFileSync(path)).toEqual(readFileSync(model('bert-mean')));
    expect((await run(['edit', path, ...set])).code).toBe(0);
    expect(readFileSync(path)).toEqual(readFileSync(other));
    const file = await openGguf(await openFile(path));
    expect(file.metadata.string('general.description')).toBe(longText);
    expect(file.metadata.f32('bert.new')).toBe(2.5);
    expect(file.metadata.has('general.name')).toBe(false);
    await file.close();
    expect(await vectors('-m', path)).toEqual(await vectors('-m', model('bert-mean')));
  });

  it.each([
    [['--set', 'bert.pooling_type=int:4294967296'], 'out of the range of uint32'],
    [['--set', 'bert.pooling_type=int:-1'], 'out of the range of uint32'],
    [['--set', 'bert.pooling_type=str:cls'], 'has a value of the type uint32'],
    [['--set', 'bert.pooling_type=float:1'], 'has a value of the type uint32'],
    [['--set', 'tokenizer.ggml.tokens=int:1'], 'type array'],
    [['--set', 'bert.pooling_type=2'], 'KEY=TYPE:VALUE'],
    [['--set', 'bert.pooling_type=int:two'], 'not of the type int'],
    [['--set', 'bert.causal=bool:yes'], 'not of the type bool'],
    [['--remove', 'bert.nothing'], 'the file does not have it'],
    [[], 'nothing to change'],
  ])('refuses %s and leaves the file alone', async (args, message) => {
    const path = copyOf('bert-mean', 'refused.gguf');
    const result = await run(['edit', path, ...args]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(message);
    expect(readFileSync(path)).toEqual(readFileSync(model('bert-mean')));
  });

  it('names the format of a file that is not GGUF', async () => {
    const path = folder.file('page.gguf');
    writeFileSync(path, '<!DOCTYPE html><html></html>');
    const result = await run(['edit', path, '--set', 'a=int:1']);
    expect(result.stderr).toMatch(/not a GGUF file/);
  });
});

describe('--override-kv', () => {
  it('computes with the value, of every kind, in workers too', async () => {
    const expected = await vectors('-m', model('bert-mean'), '--pooling', 'cls');
    for (const threads of ['1', '2']) {
      const args = ['-m', model('bert-mean'), '-t', threads, '--override-kv'];
      expect(await vectors(...args, 'bert.pooling_type=int:2')).toEqual(expected);
    }
    const path = copyOf('bert-mean', 'epsilon.gguf');
    const set = 'bert.attention.layer_norm_epsilon=float:0.1';
    await run(['edit', path, '--set', set]);
    const overridden = await vectors('-m', model('bert-mean'), '--override-kv', set);
    expect(overridden).toEqual(await vectors('-m', path));
    expect(overridden).not.toEqual(await vectors('-m', model('bert-mean')));
  });

  it('reaches the tokenizer, and may be given more than once', async () => {
    const ids = async (...args: string[]) =>
      JSON.parse((await run(['tokenize', '-m', model('qwen2'), '-p', 'a b', '--ids', ...args])).stdout) as number[];
    const plain = await ids();
    const set = ['--override-kv', 'tokenizer.ggml.add_eos_token=bool:false', '--override-kv', 'general.name=str:x'];
    expect(await ids(...set)).toEqual(plain.slice(0, -1));
  });

  it('refuses what does not fit, naming the key', async () => {
    const result = await run(['embed', '-m', model('bert-mean'), '-p', 'a', '--override-kv', 'bert.block_count=str:3']);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/bert\.block_count.*uint32/);
  });
});

describe('RoPE', () => {
  /** The fixture `nomic-bert` with keys in the file. */
  async function withKeys(...settings: string[]): Promise<Float32Array> {
    const path = copyOf('nomic-bert', `rope-${settings.length}.gguf`);
    const done = await run(['edit', path, '--set', settings.join(',')]);
    expect(done.code).toBe(0);
    return vectors('-m', path);
  }
  const flags = (...args: string[]) => vectors('-m', model('nomic-bert'), ...args);

  it('flags have the same effect as the same keys in a file', async () => {
    expect(await flags('--rope-freq-base', '5000')).toEqual(await withKeys('nomic-bert.rope.freq_base=float:5000'));
    const linear = await withKeys('nomic-bert.rope.scaling.factor=float:2', 'nomic-bert.rope.scaling.type=str:linear');
    expect(await flags('--rope-freq-scale', '0.5')).toEqual(linear);
    expect(await flags('--rope-scale', '2')).toEqual(linear);
    const yarn = await withKeys(
      'nomic-bert.rope.scaling.type=str:yarn',
      'nomic-bert.rope.scaling.factor=float:4',
      'nomic-bert.rope.scaling.original_context_length=int:16',
    );
    expect(await flags('--rope-scaling', 'yarn', '--rope-freq-scale', '0.25', '--yarn-orig-ctx', '16')).toEqual(yarn);
    expect(1 - cosine(yarn, linear)).toBeGreaterThan(1e-6);
  });

  it('YaRN without its mix is linear scaling, and its limits move what is mixed', async () => {
    const yarn = ['--rope-scaling', 'yarn', '--rope-freq-scale', '0.25', '--yarn-orig-ctx', '2048'];
    expect(await flags(...yarn, '--yarn-ext-factor', '0')).toEqual(await flags('--rope-freq-scale', '0.25'));
    expect(await flags(...yarn, '--yarn-beta-fast', '2')).not.toEqual(await flags(...yarn));
    expect(await flags(...yarn, '--yarn-beta-slow', '0.1')).not.toEqual(await flags(...yarn));
    expect(await flags('--yarn-attn-factor', '1.5')).not.toEqual(await flags());
  });

  it('lets a context be longer than that of the training', async () => {
    const long = 'word '.repeat(700);
    const embed = (...args: string[]) => run(['embed', '-m', model('nomic-bert'), '-p', long, ...args]);
    expect((await embed('-c', '8192')).stderr).toContain('but the context is 2048');
    expect((await embed('-c', '8192', '--rope-scaling', 'yarn', '--rope-freq-scale', '.25')).code).toBe(0);
  });

  it('is refused where positions are not rotated', async () => {
    const result = await run(['embed', '-m', model('bert-mean'), '-p', 'a', '--rope-freq-base', '1000']);
    expect(result.stderr).toContain('bert has no rotary positions');
  });
});
