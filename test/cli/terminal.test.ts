/**
 * @file What a model file or a text holds is shown, never obeyed: control characters do not reach a terminal.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatEmbeddings } from '../../src/cli/output/embed-formats.ts';
import { forTerminal } from '../../src/cli/output/write.ts';
import { InputError } from '../../src/engine/errors.ts';
import { openModelFile } from '../../src/gguf/file.node.ts';
import {
  escapeControls,
  escapeControlsInLines,
  GgufError,
  GgufWriter,
  ggmlTypes,
  memorySink,
  openGguf,
} from '../../src/gguf/index.ts';
import { ModelError } from '../../src/models/index.ts';
import { TokenizerError } from '../../src/tokenizer/index.ts';
import { listening, main, model, run, start } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();

/** Clears the screen, sets its title, turns the direction of writing, breaks the line. */
const evil = 'x\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\u2028\x7f\r\ny';
const escaped = 'x\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m\\u202e\\u2028\\u007f\\u000d\\u000ay';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/;

/** bert-mean with other texts in its metadata, and another tensor. */
async function hostile(name: string, texts: Record<string, string>, tensor?: string): Promise<string> {
  const file = await openGguf(await openModelFile(model('bert-mean')));
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  for (const key of file.metadata.keys()) writer.set(key, file.metadata.typed(key)!);
  for (const [key, value] of Object.entries(texts)) writer.set(key, { type: 'string', value });
  for (const { name, type, shape } of file.tensors.values()) writer.addTensor(name, type, shape);
  if (tensor !== undefined) writer.addTensor(tensor, ggmlTypes.F32, [1]);
  await writer.writeHeader();
  for (const info of file.tensors.values()) {
    const bytes = new Uint8Array(info.byteLength);
    await file.readTensor(info, 0, bytes);
    await writer.writeTensor(info.name, [bytes]);
  }
  if (tensor !== undefined) await writer.writeTensor(tensor, [new Uint8Array(4)]);
  writer.finish();
  await file.close();
  return folder.write(name, sink.bytes());
}

let named: string;
let withTensor: string;
beforeAll(async () => {
  const texts = { 'general.name': evil, [`key.${evil}`]: evil };
  named = await hostile('named.gguf', texts);
  withTensor = await hostile('tensor.gguf', texts, `tensor.${evil}`);
});

describe('texts of a model file', () => {
  it('inspect shows keys, values and tensor names with escapes', async () => {
    const { code, stdout } = await run(['inspect', withTensor]);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(controls);
    expect(stdout).toContain(`\n  key.${escaped}  `);
    expect(stdout).toContain(`\n  tensor.${escaped}  `);
  });

  it('inspect --json shows them with escapes of JSON', async () => {
    const { stdout } = await run(['inspect', '--json', withTensor]);
    expect(stdout).not.toMatch(controls);
    const { metadata, tensors } = JSON.parse(stdout);
    expect(metadata.at(-1)).toMatchObject({ key: `key.${evil}`, value: evil });
    expect(tensors.at(-1).name).toBe(`tensor.${evil}`);
  });

  it('embed and serve log the name with escapes', async () => {
    const { stderr } = await run(['embed', '-m', named, '-p', 'a', '--verbose']);
    expect(stderr).toContain('x\\u001b[2J');
    expect(stderr).not.toMatch(controls);
    const child = start(['serve', '-m', named, '--port', '0', '-t', '1']);
    const { log, end } = await listening(child);
    child.kill('SIGTERM');
    await end;
    expect(log()).toContain('x\\u001b[2J');
    expect(log()).not.toMatch(controls);
  });

  it.each<[string, Record<string, string>]>([
    ['architecture', { 'general.architecture': evil }],
    ['tokenizer', { 'tokenizer.ggml.model': evil }],
    ['pre-tokenizer', { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': evil }],
    ['type of a key', { 'bert.block_count': evil }],
  ])('errors about the %s escape it', async (name, texts) => {
    const path = await hostile(`${name}.gguf`, texts);
    for (const args of [
      ['embed', '-m', path, '-p', 'a'],
      ['tokenize', '-m', path, '-p', 'a'],
      ['inspect', path],
    ]) {
      const { stdout, stderr } = await run(args);
      expect(stderr + stdout).not.toMatch(controls);
    }
    const { code, stderr } = await run(['embed', '-m', path, '-p', 'a', '--verbose']);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(controls);
  });

  it.each([
    new GgufError(`there is no ${evil}`, { source: 'a', key: evil, tensor: evil }),
    new ModelError(`there is no ${evil}`),
    new TokenizerError(`there is no ${evil}`),
    new InputError('option', `there is no ${evil}`),
  ])('errors of the library are one line without controls', ({ message }) => {
    expect(message).not.toMatch(controls);
    expect(message).not.toContain('\n');
    expect(message).toContain(`there is no ${escaped}`);
  });

  it('labels of a classifier are escaped', () => {
    const result = {
      vectors: [new Float32Array(2)],
      dimensions: 2,
      nTokens: [1],
      nImageTokens: [0],
      truncated: [false],
      pooling: 'rank',
    } as const;
    const options = { embdOutputFormat: '', embdNormalize: 2 } as const;
    expect(
      formatEmbeddings(
        ['a'],
        { ...result, vectors: [...result.vectors], nTokens: [1], nImageTokens: [0], truncated: [false] },
        [evil, 'b'],
        options,
      ),
    ).not.toMatch(controls);
  });
});

describe('escapes', () => {
  it('leave every other character alone', () => {
    const plain = 'a "quoted" \\ Grüße 世界 👩‍👩‍👧 e\u0301';
    expect(escapeControls(plain)).toBe(plain);
    expect(escapeControls(evil)).toBe(escaped);
    expect(escapeControlsInLines('a\n\x1bb\n')).toBe('a\n\\u001bb\n');
  });

  it('of texts are for terminals only', () => {
    expect(forTerminal('\x1b[2J', false)).toBe('\x1b[2J');
    expect(forTerminal('\x1b[2J\n', true)).toBe('\\u001b[2J\n');
  });
});

/** Runs the program on a terminal of its own, with `typed` typed. */
function onTerminal(args: readonly string[], typed: string): string {
  const quoted = [process.execPath, main, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(' ');
  const { stdout } = spawnSync('script', ['-qec', quoted, '/dev/null'], { input: typed, encoding: 'utf8' });
  return stdout;
}

describe.skipIf(!existsSync('/usr/bin/script'))('on a terminal', () => {
  it.each([
    [['tokenize', '-m', model('bert-mean'), '--ids'], 'Hello\n\x04'],
    [['embed', '-m', model('bert-mean'), '--embd-output-format', 'raw'], 'Hello\n\x04'],
    [['tokenize', '-m', model('bert-mean'), '--jsonl'], '"Hello"\n\x04'],
    [['rerank', '-m', model('bert-rank'), '-q', 'a'], 'Hello\n\x04'],
  ])('%j says that it waits', (args, typed) => {
    expect(onTerminal(args, typed)).toContain('reading input from this terminal: end it with Ctrl+D');
  });

  it('texts and pieces are escaped', () => {
    const shown = onTerminal(['rerank', '-m', model('bert-rank'), '-q', 'a', '--', 'b\x1b[2Jc\nd'], '');
    expect(shown).toContain('b\\u001b[2Jc\\nd');
    const pieces = onTerminal(['tokenize', '-m', model('qwen3'), '--no-escape', '-p', 'a\x1b[2J'], '');
    expect(pieces).toContain('\\u001b');
    expect(pieces).not.toContain('\x1b');
  });

  it('prints nothing if the input is not a terminal', async () => {
    expect((await run(['tokenize', '-m', model('bert-mean'), '--ids'], { input: 'a' })).stderr).toBe('');
  });
});
