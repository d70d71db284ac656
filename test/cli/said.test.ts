/**
 * @file What the command line says: system errors in words, singular and plural, flags instead of options of the library, and
 * exit codes after signals.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { inFlags } from '../../src/cli/options/option-words.ts';
import { plural } from '../../src/cli/plural.ts';
import { ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { memorySink } from '../../src/gguf/sink.ts';
import { GgufWriter } from '../../src/gguf/writer.ts';
import { finished, main, model, run, start } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const { file, path: folder, write } = temporaryFolder();
const bert = model('bert-mean');

describe('paths that cannot be used', () => {
  write('empty', '');
  symlinkSync(file('nowhere'), file('dangling'));
  symlinkSync(file('loop'), file('loop'));
  const serve = ['serve', '-m', bert, '--port', '0'];
  test.each([
    [['serve', '--models-dir', 'nodir'], '--models-dir: cannot read nodir: the file does not exist'],
    [['serve', '--models-dir', file('empty')], 'it is not a folder'],
    [['serve', '--models-dir', file('dangling')], 'the file does not exist'],
    [['embed', '-m', file('loop'), '-p', 'x'], 'its links lead in a circle'],
    [['embed', '-m', `${bert}/x`, '-p', 'x'], 'a part of its path is not a folder'],
    [['embed', '-m', bert, '-f', file('loop')], 'its links lead in a circle'],
    [['embed', '-m', bert, '-f', file('x'.repeat(300))], 'its name is too long'],
    [['parity', '-m', bert, '--onnx', file('dangling')], '--onnx: cannot read'],
    [['trace', '-m', bert, '-p', 'x', '--npz', `${bert}/x.npz`], 'a part of its path is not a folder'],
    [['trace', '-m', bert, '-p', 'x', '--npz', file('no/such.npz')], `there is no folder ${file('no')}`],
    [['page', '--out', file('empty')], `cannot make the folder ${file('empty')}: a file with this name is there`],
    [['page', '--out', `${bert}/x`], `cannot make the folder ${bert}/x: a part of its path is not a folder`],
    [
      ['embed', '-m', bert, write('text.txt', 'a'), '-o', `${file('empty')}/`],
      `cannot make the folder ${file('empty')}/: a file with this name is there`,
    ],
    [['convert', bert, file('out.gguf')], 'it is not a folder: give the folder of a Hugging Face model'],
    [['convert', file('loop'), file('out.gguf')], 'its links lead in a circle'],
    [
      ['embed', '-m', 'someone/model:Q8_0', '-p', 'x'],
      'a model of the Hugging Face hub is named hf:someone/model:Q8_0',
    ],
    [['inspect', 'someone/model'], 'a model of the Hugging Face hub is named hf:someone/model'],
    [
      ['tokenize', '-m', 'someone/model.gguf', '-p', 'x'],
      'someone/model.gguf: cannot open the file: the file does not',
    ],
    [['serve', '--models-preset', file('no.ini')], `--models-preset: cannot read ${file('no.ini')}`],
    [
      ['serve', '--models-preset', write('none.ini', '[*]\n')],
      `there is no model in --models-preset ${file('none.ini')}`,
    ],
    [['quantize', bert, '/proc/x.gguf', 'F16'], 'cannot write the file: there is no folder /proc'],
    [
      [...serve, '--host', file('no/such.sock')],
      `the folder of the socket file ${file('no/such.sock')} does not exist`,
    ],
  ])('%j', async (args, message) => {
    const { code, stderr } = await run(args);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
    expect(stderr).not.toMatch(/\bE[A-Z]{4,}\b|no permission/);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('error')),
    ).toHaveLength(1);
  });

  test.each(['--prompts', '--ssl-key-file', '--api-key-file'])(
    '%s: an empty file is no incomplete download',
    async (flag) => {
      const more = flag === '--ssl-key-file' ? ['--ssl-cert-file', file('empty')] : [];
      const { code, stderr } = await run([...serve, flag, file('empty'), ...more]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('it is empty') });
      expect(stderr).not.toContain('download');
    },
  );
});

describe('singular and plural', () => {
  test('of a number', () => {
    expect([0, 1, 2].map((n) => plural(n, 'query', 'queries'))).toEqual(['0 queries', '1 query', '2 queries']);
  });

  test('diff of one key', async () => {
    const other = file('other.gguf');
    copyFileSync(bert, other);
    await run(['edit', other, '--set', 'general.name=str:other']);
    expect((await run(['diff', bert, other])).stdout).toContain('1 metadata key differs\n');
  });

  test('eval of one query', async () => {
    const data = file('beir');
    mkdirSync(`${data}/qrels`, { recursive: true });
    writeFileSync(`${data}/corpus.jsonl`, '{"_id":"d","text":"hello"}\n');
    writeFileSync(`${data}/queries.jsonl`, '{"_id":"q","text":"hello"}\n');
    writeFileSync(`${data}/qrels/test.tsv`, 'query-id\tcorpus-id\tscore\nq\td\t1\n');
    expect((await run(['eval', '-m', bert, data])).stdout).toContain('1 query, 1 document,');
  });

  test('one invalid line', async () => {
    const { stderr } = await run(['tokenize', '-m', bert, '--jsonl', '--on-error', 'skip'], { input: '"a"\n{\n' });
    expect(stderr).toContain('1 of 2 lines is invalid: its answer is null');
  });
});

describe('flags in messages', () => {
  test.each([
    ['rope.freqBase is 0; it must be 1e-6 or more', '--rope-freq-base is 0; it must be 1e-6 or more'],
    ['shorten it or allow truncation', 'shorten it or cut it with --truncate end'],
    ['llama.rope.scaling.type is x', 'llama.rope.scaling.type is x'],
  ])('%s', (message, shown) => {
    expect(inFlags(message, 'embed')).toBe(shown);
  });

  test('rerank --jsonl takes records without images', async () => {
    const ranked = (input: string) => run(['rerank', '-m', model('bert-rank'), '-q', 'x', '--jsonl'], { input });
    expect(await ranked('{"text":"a"}\n{"text":"b"}\n')).toEqual(await ranked('"a"\n"b"\n'));
    expect((await ranked('"a"\n')).code).toBe(0);
  });

  test('a command without --truncate does not advise it', async () => {
    const document = 'word '.repeat(600);
    expect(await run(['rerank', '-m', model('bert-rank'), '-q', 'x', 'a', document])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: document 1 has \d+ tokens, but the context is \d+: shorten it\n$/),
    });
    expect((await run(['parity', '-m', bert, '--backend', 'wasm', document])).stderr).toMatch(/: shorten it\n$/);
  });

  test('errors of the engine', async () => {
    const long = await run(['embed', '-m', bert, '-p', 'word '.repeat(600)]);
    expect(long).toMatchObject({ code: 1, stderr: expect.stringContaining('cut it with --truncate end') });
    const rope = await run(['embed', '-m', bert, '-p', 'x', '--rope-freq-base', '5']);
    expect(rope).toMatchObject({ code: 1, stderr: expect.stringContaining('--rope-freq-base would change nothing') });
    const small = file('small.gguf');
    await run(['quantize', model('bert-q'), small, 'Q4_0', '--allow-requantize']);
    const twice = await run(['quantize', small, file('twice.gguf'), 'Q5_0']);
    expect(twice).toMatchObject({ code: 1, stderr: expect.stringContaining('--allow-requantize') });
  });
});

test('fingerprint on the reference backend prints what it can compute', async () => {
  const { code, stdout, stderr } = await run(['fingerprint', '-m', bert, '--backend', 'reference']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^default [0-9a-f]{64} .*\n$/);
  expect(stderr).toContain('reproducible: not with --backend reference');
}, 60_000);

describe.skipIf(process.platform === 'win32')('signals', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    // By the signal itself, which shells report as 129.
    ['SIGHUP', null],
  ] as const)(
    '%s ends quantize with %s, one line and no file',
    async (signal, code) => {
      const sink = memorySink();
      const writer = new GgufWriter(sink);
      writer.set('general.architecture', { type: 'string', value: new TextEncoder().encode('bert') });
      writer.set('bert.block_count', { type: 'uint32', value: 64 });
      for (let i = 0; i < 64; i++) writer.addTensor(`blk.${i}.ffn_up.weight`, ggmlTypes.F32, [4096, 1024]);
      await writer.writeHeader();
      const large = write('large.gguf', sink.bytes());
      // Holes of a sparse file read as zeros: a gigabyte of work, and no gigabyte on disk.
      truncateSync(large, sink.bytes().length + 64 * 4096 * 1024 * 4);
      const child = start(['quantize', large, file('small-q.gguf'), 'Q5_0']);
      const end = finished(child);
      const isWriting = () => readdirSync(folder).some((name) => name.endsWith('.partial'));
      while (!isWriting() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill(signal);
      expect(await end).toEqual({
        code,
        stdout: '',
        stderr: `error: stopped by ${signal}; nothing was written\n`,
      });
      expect(readdirSync(folder).filter((name) => name.includes('small-q'))).toEqual([]);
    },
    60_000,
  );

  test.each([
    ['a reader that has gone', '2> >(exec true); sleep 0.2'],
    ['a full disk', '2>/dev/full'],
  ])('a log that cannot be written ends no work: %s', async (_, to) => {
    const { stdout, status } = spawnSync(
      'bash',
      [
        '-c',
        `exec ${to}; exec "$0" "$@"`,
        process.execPath,
        main,
        'tokenize',
        '-m',
        bert,
        '--ids',
        '-p',
        'a',
        '-p',
        'b',
      ],
      { encoding: 'utf8' },
    );
    expect({ stdout, status }).toEqual({ stdout: expect.stringMatching(/^\[\d+, \d+, \d+\]\n$/), status: 0 });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends embed --jsonl as the system does, without a word',
    async (signal) => {
      const child = start(['embed', '-m', bert, '--jsonl']);
      const end = finished(child);
      child.stdin.write('"a"\n');
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill(signal);
      expect((await end).stderr).toBe('');
      expect(child.signalCode).toBe(signal);
    },
  );
});
