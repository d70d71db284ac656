/**
 * @file An option that would have no effect is refused by name, or named in the log: by other options, by the loaded model.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { optionTable } from '../../src/cli/options/option-table.ts';
import type { CommandName } from '../../src/cli/options/option-types.ts';
import { parseOptions } from '../../src/cli/options/parse-options.ts';
import { model, run } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const { file, write } = temporaryFolder();

const parse = (line: string, env: Record<string, string> = {}) => {
  const [command, ...args] = line.split(' ');
  return parseOptions(command as CommandName, args, env);
};

describe('flags that other flags leave without effect', () => {
  test.each([
    ['embed -m m -p x --on-error skip', '--on-error works with --jsonl or --output only; add one of them or remove it'],
    ['tokenize -m m -p x --on-error skip', '--on-error works with --jsonl only; add --jsonl or remove it'],
    ['embed -m m --jsonl --embd-output-format array', '--embd-output-format has no effect with --jsonl; remove one of'],
    ['embed -m m --jsonl --embd-separator ,', '--embd-separator has no effect with --jsonl; remove one of the two'],
    [
      'embed -m m --image a.png --embd-separator ,',
      '--embd-separator has no effect with --image; remove one of the two',
    ],
    ['embed -m m a.txt -o x.npy --profile', '--profile has no effect with --output; remove one of the two'],
    ['tokenize -m m --jsonl --show-count', '--show-count has no effect with --jsonl; remove one of the two'],
    [
      'trace -m m -p x --tolerance 0.1',
      '--tolerance works with --compare or --versus only; add one of them or remove it',
    ],
    ['embed -m m -p x --image-exif rotate', '--image-exif works with --image, --jsonl or --output only'],
    ['rerank -m m -q x --image-background ffffff', '--image-background works with --image, --query-image or --jsonl'],
    ['serve -m m --image-cache 10', '--image-cache works with --mmproj, --mmproj-url, --hf-repo'],
    ['serve -m m --allow-image-urls a.example', '--allow-image-urls works with'],
    ['serve -m m -mm a --mmproj-url http://a/b', '--mmproj-url has no effect with --mmproj; remove one of the two'],
    ['serve -m m --cache-memory 10', '--cache-memory works with --cache-size only; add --cache-size or remove it'],
    ['serve -m m --models-memory 10', '--models-memory works with --models-dir, --models-preset or several -m only'],
    ['serve -m m --reranking --pooling mean', '--reranking works with --pooling rank only, not with --pooling mean'],
    ['embed -m m -p x --backend wasm --gpu-memory 10', '--gpu-memory works with --backend webgpu only'],
    ['serve -m m --backend reference --gpu-debug', '--gpu-debug works with --backend webgpu only'],
    ['eval -m m d --backend reference --gpu-weights f16', '--gpu-weights works with --backend webgpu only'],
  ])('%s', (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });

  test.each([
    ['embed -m m -p x --seed 1', '--seed is ignored: it has no effect: nothing here is random'],
    ['embed -m m -f x -e', '--escape is ignored: it works with --prompt only'],
    ['embed -m m -p x -mm a', '--mmproj is ignored: it works with --image, --jsonl or --output only'],
    ['embed -m m a.txt -o x.npy --embd-separator ,', '--embd-separator is ignored: it has no effect with --output'],
    ['serve -m m -mm a --no-mmproj', '--no-mmproj is ignored: it has no effect with --mmproj'],
    ['serve -m m --image-max-tokens 10', '--image-max-tokens is ignored: it works with --mmproj'],
    ['serve -m m --sleep-idle-seconds 10', '--sleep-idle-seconds is ignored: it works with --models-dir'],
    ['serve -m m --no-models-autoload', '--no-models-autoload is ignored'],
    ['embed -m m -p x --backend reference -t 2', '--threads is ignored: it works with --backend wasm only'],
  ])("llama.cpp's own is noted: %s", (line, note) => {
    expect(parse(line).notes.join('\n')).toContain(note);
  });

  test('a variable serves many command lines: it is noted, not refused', () => {
    expect(parse('serve -m m', { GGUF_EMBED_CACHE_MEMORY: '10' }).notes).toEqual([
      'GGUF_EMBED_CACHE_MEMORY is ignored: it works with --cache-size only',
    ]);
  });

  test.each([
    'embed -m m --jsonl --on-error skip',
    'embed -m m -p x --on-error stop',
    'embed -m m -f x --no-escape',
    'embed -m m --jsonl --image-exif rotate -mm a',
    'embed -m m photos -o x.jsonl --image-exif rotate --image-min-tokens 4 -mm a',
    'trace -m m -p x --compare a --tolerance 0.1',
    'serve -m m -m n --models-memory 10 --sleep-idle-seconds 5',
    'serve -m m --reranking --pooling rank',
    'serve -m hf:a/b --image-cache 10',
    'serve -m m --cache-size 5 --cache-memory 10',
    'embed -m m -p x --backend webgpu --gpu-memory 10',
    'embed -p x --on-error skip --help',
  ])('%s has nothing to say', (line) => {
    expect(parse(line).notes).toEqual([]);
  });

  test('a flag that is noted counts no more than one that is not given', () => {
    expect(parse('embed -m m -p x -mm a --backend reference -t 2').values).toMatchObject({
      mmproj: undefined,
      threads: -1,
    });
    const { values } = parse('embed -m m photos -o x.jsonl', { LLAMA_ARG_MMPROJ: 'a' });
    expect(values.mmproj).toBe('a');
  });

  test('conditions name options that exist', () => {
    const names = optionTable.map(({ name }) => name);
    for (const { needs = [] } of optionTable) {
      for (const { anyOf = [], noneOf = [], orSeveral, orHub, values } of needs) {
        const others = [orSeveral, orHub, values?.option].filter((name) => name !== undefined);
        const named = [...anyOf, ...noneOf, ...others];
        expect(names).toEqual(expect.arrayContaining(named));
      }
    }
  });
});

test('a vision tower without images is not loaded, and threads of the reference are named once', async () => {
  const text = ['-m', model('bert-mean'), '-p', 'hello', '--embd-output-format', 'raw'];
  const { code, stderr } = await run(['embed', ...text, '-mm', file('none'), '--backend', 'reference', '-t', '2']);
  expect(stderr.match(/--\w+ is ignored/g)?.toSorted()).toEqual(['--mmproj is ignored', '--threads is ignored']);
  expect(code).toBe(0);
});

test('rows of a part, where the output has no parts', async () => {
  const texts = await write('two.txt', 'a\nb\n');
  const { code, stderr } = await run([
    ...['embed', '-m', model('bert-mean'), texts, '-o', file('two.jsonl'), '--rows-per-part', '5'],
  ]);
  expect(stderr).toContain('--rows-per-part is ignored: --output is a file, and only folders have parts\n');
  expect(code).toBe(0);
});

describe('what the model or the data leave without effect', () => {
  const bert = model('bert-mean');
  const text = ['-m', bert, '-p', 'hello'];
  const llama = ['-m', model('qwen3'), '-p', 'hello'];
  test.each([
    [
      ['embed', ...text, '--override-kv', 'bert.context_lenght=int:10'],
      'overriding bert.context_lenght has no effect: nothing reads this key; did you mean bert.context_length?',
    ],
    [['tokenize', ...text, '--override-kv', 'bert.block_count=int:10'], 'overriding bert.block_count has no effect'],
    [['embed', ...llama, '--yarn-beta-fast', '20'], '--yarn-beta-fast has no effect: it needs YaRN scaling'],
    [['embed', ...llama, '--yarn-orig-ctx', '20'], '--yarn-orig-ctx has no effect'],
    [['embed', ...llama, '--rope-scaling', 'yarn', '--yarn-attn-factor', '2'], '--yarn-attn-factor has no effect'],
    [
      ['embed', ...llama, '--rope-scaling', 'none', '--rope-scale', '2'],
      '--rope-scale has no effect: the scaling is none',
    ],
    [
      ['embed', ...text, '--backend', 'reference', '--precision', 'fast'],
      '--precision fast is ignored: the backend reference',
    ],
    [['embed', '-m', model('bert-rank'), '-p', 'x', '--embd-normalize', '1'], '--embd-normalize is ignored'],
    [
      ['trace', ...text, '--backend', 'auto', '-t', '2', '--only', 'result_embd'],
      '--threads is ignored: the backend is reference',
    ],
  ])('%j', async (args, message) => {
    const { code, stderr } = await run(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(message) });
  });

  test.each([
    [['embed', ...text, '--override-kv', 'bert.attention.causal=bool:true']],
    [['embed', ...llama, '--rope-scaling', 'yarn', '--yarn-beta-fast', '20']],
    [['embed', ...text, '-t', '1', '--precision', 'exact']],
  ])('%j says nothing', async (args) => {
    expect(await run(args)).toMatchObject({ code: 0, stderr: '' });
  });

  test('eval with a table', async () => {
    const table = write('pairs.tsv', 'a\tb\t1\nc\td\t2\ne\tf\t3\n');
    for (const flags of [
      ['--split', 'dev'],
      ['--document-prefix', 'x: '],
    ]) {
      expect(await run(['eval', '-m', bert, table, ...flags])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`${flags[0]} works with a folder as DATA only`),
      });
    }
  });

  test('trace --only that matches nothing names what is near', async () => {
    expect(await run(['trace', ...text, '--only', 'result_ebmd*'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/--only result_ebmd\* matches no tensor: did you mean result_embd/),
    });
    expect(await run(['trace', ...text, '--only', 'result_*,zzzzzzzz'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('result_embd'),
      stderr: expect.stringContaining('--only zzzzzzzz matches no tensor'),
    });
    expect(await run(['trace', ...text, '--only', 'zzzzzzzz*'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('known are embd, inp_embd'),
    });
  });

  test('parity: an empty file of texts, an ONNX file that is not there', async () => {
    const empty = write('empty.txt', '\n\n');
    expect(await run(['parity', '-m', bert, '-f', empty])).toMatchObject({
      code: 1,
      stderr: `error: -f: ${empty} has no texts\n`,
    });
    expect(await run(['parity', '-m', bert, '--onnx', file('none')])).toMatchObject({
      code: 1,
      stderr: `error: --onnx: cannot read ${file('none')}: the file does not exist\n`,
    });
  });

  test('inspect --hf-file of a file', async () => {
    expect(await run(['inspect', bert, '--hf-file', 'x'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--hf-file needs a repository'),
    });
  });
});

describe('outputs', () => {
  const text = ['-m', model('bert-mean'), '-p', 'hello'];
  test('two that are the same file', async () => {
    const out = file('out');
    expect(await run(['trace', ...text, '--npz', out, '--html', `${file('.')}/out`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--npz and --html name the same file'),
    });
    expect(existsSync(out)).toBe(false);
  });

  test('a text file that embed would replace, one file for both outputs of convert', async () => {
    const texts = write('texts.txt', 'a\nb\n');
    expect(await run(['embed', '-m', model('bert-mean'), '-f', texts, '--html', texts])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is also an input file'),
    });
    expect(readFileSync(texts, 'utf8')).toBe('a\nb\n');
    expect(await run(['convert', file('none'), file('o.gguf'), '--mmproj-out', file('o.gguf')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('OUT and --mmproj-out name the same file'),
    });
  });

  test('one that is an input', async () => {
    const record = file('record.npz');
    expect(await run(['trace', ...text, '--npz', record])).toMatchObject({ code: 0 });
    const before = readFileSync(record);
    expect(await run(['trace', ...text, '--compare', record, '--npz', record])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`--npz ${record} is also an input file`),
    });
    expect(readFileSync(record)).toEqual(before);
  });
});

describe('edit', () => {
  const copied = (name: string) => {
    copyFileSync(model('bert-mean'), file(name));
    return file(name);
  };
  test.each(['general.architecture', 'bert.block_count', 'tokenizer.ggml.tokens', 'tokenizer.ggml.model'])(
    'refuses to remove %s, without which the file cannot be loaded',
    async (key) => {
      const path = copied(`${key}.gguf`);
      const before = readFileSync(path);
      expect(await run(['edit', path, '--remove', key])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('the file could not be loaded afterwards'),
      });
      expect(readFileSync(path)).toEqual(before);
      const copy = await run(['edit', path, file('copy.gguf'), '--remove', key]);
      expect(copy).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('warning: the new file cannot be loaded'),
      });
    },
  );

  test('a key that is named twice', async () => {
    const path = copied('twice.gguf');
    const name = (value: string) => ['--set', `general.name=str:${value}`];
    expect(await run(['edit', path, ...name('a'), ...name('b')])).toMatchObject({
      code: 1,
      stderr: 'error: --set gives general.name twice: give it once\n',
    });
    expect(await run(['edit', path, ...name('a'), '--remove', 'general.name'])).toMatchObject({
      code: 1,
      stderr: 'error: --set and --remove both name general.name: give one of them\n',
    });
  });
});
