/**
 * @file The encoding of texts that a user gives: the byte order mark decides, and what is no text is an error with its place.
 */
import { describe, expect, it } from 'vitest';
import { decodeWhole } from '../../src/cli/input/text-encoding.ts';
import { listening, model, run, start } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const bert = model('bert-mean');
const folder = temporaryFolder();

const text = 'Grüße, 世界 😀\n"and a second line"\n';
const utf16 = (content: string) => Buffer.from(content, 'utf16le');
const utf32 = (content: string) =>
  Buffer.from(Uint32Array.from(content, (character) => character.codePointAt(0)!).buffer);
const mark = '\ufeff';
/** The same text in each encoding that can be read. */
const encodings: [name: string, encode: (content: string) => Buffer][] = [
  ['UTF-8', (content) => Buffer.from(content)],
  ['UTF-8 with a mark', (content) => Buffer.from(mark + content)],
  ['UTF-16LE with a mark', (content) => utf16(mark + content)],
  ['UTF-16BE with a mark', (content) => utf16(mark + content).swap16()],
];

describe('decodeWhole', () => {
  it.each(encodings)('%s', (_, encode) => {
    for (const content of [text, '', 'a', '\ufffd', 'a\ufffd\ufffdb', `a${mark}b`])
      expect(decodeWhole(encode(content), 'x')).toBe(content);
  });

  it.each<[string, number[], string]>([
    ['a byte of Latin-1', [0x61, 0xfc, 0x62], 'x is not UTF-8 text: byte 1 does not begin a character'],
    ['after a mark', [0xef, 0xbb, 0xbf, 0x61, 0xff], 'x is not UTF-8 text: byte 4'],
    ['after characters of several bytes', [...Buffer.from('ü世😀\ufffd'), 0x80], 'byte 12'],
    ['a character that is cut', [0x61, 0xe4, 0xb8], 'byte 1'],
    ['half of a replacement character', [0xef, 0xbf], 'byte 0'],
    ['a longer form than needed', [0x61, 0xc0, 0x80], 'byte 1'],
    ['a surrogate in UTF-8', [0x61, 0x62, 0xed, 0xa0, 0x80], 'byte 2'],
    ['an odd number of bytes', [0xff, 0xfe, 0x61, 0, 0x62], 'x is not UTF-16LE text: byte 4'],
    ['half of a pair', [0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0x62, 0], 'x is not UTF-16LE text: byte 4'],
    ['half of a pair the other way round', [0xfe, 0xff, 0, 0x61, 0xde, 0x00], 'x is not UTF-16BE text: byte 4'],
    ['UTF-32LE', [0xff, 0xfe, 0, 0, 0x61, 0, 0, 0], 'x is UTF-32LE'],
    ['UTF-32BE', [0, 0, 0xfe, 0xff, 0, 0, 0, 0x61], 'x is UTF-32BE'],
    ['UTF-16LE without a mark', [...utf16('ab')], 'x is UTF-16LE without a byte order mark'],
    ['UTF-16BE without a mark', [...utf16('ab').swap16()], 'x is UTF-16BE without a byte order mark'],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => decodeWhole(Uint8Array.from(bytes), 'x')).toThrow(message);
  });

  it('finds the place in a long text', () => {
    const long = Buffer.from('ü\ufffd😀a'.repeat(100_000));
    const at = 55_555;
    const cut = Buffer.concat([long.subarray(0, 10 * at), Buffer.from([0xfe]), long.subarray(10 * at)]);
    expect(() => decodeWhole(cut, 'x')).toThrow(`byte ${10 * at} `);
  });
});

describe('every way in takes every encoding', () => {
  it.each(encodings)('%s', async (_, encode) => {
    const plain = await run(['tokenize', '-m', bert, '--ids', '--no-escape', '-p', text.slice(0, -1)]);
    const file = folder.write('text', encode(text));
    for (const result of [
      await run(['tokenize', '-m', bert, '--ids', '-f', file]),
      await run(['tokenize', '-m', bert, '--ids'], { input: encode(text) }),
    ]) {
      expect(result.stderr).toBe('');
      expect(result.stdout).toBe(plain.stdout);
    }
    const lines = encode('"Grüße"\n"😀"\n');
    const expected = await run(['tokenize', '-m', bert, '--jsonl'], { input: '"Grüße"\n"😀"\n' });
    expect(expected.code).toBe(0);
    expect(await run(['tokenize', '-m', bert, '--jsonl'], { input: lines })).toEqual(expected);
    const documents = encode('eins\nzwei 世\n');
    const ranked = await run(['rerank', '-m', model('bert-rank'), '-q', 'a'], { input: documents });
    expect(ranked.stdout).toMatch(/ {2}zwei 世\n/);
    const ranks = ['rerank', '-m', model('bert-rank'), '-q', 'a', '-f', folder.write('documents', documents)];
    expect((await run(ranks)).stdout).toBe(ranked.stdout);
  });

  it.each(encodings)('keys and prompts in %s', async (_, encode) => {
    const keys = folder.write('keys', encode('# people\r\nalice\r\nbob\r\n'));
    const prompts = folder.write('prompts', encode('{"query":"Grüße: "}'));
    const flags = ['--port', '0', '-t', '1', '--api-key-file', keys, '--prompts', prompts];
    const { child, end, url } = await listening(start(['serve', '-m', bert, ...flags]));
    const embed = async (key: string, body: object) => {
      const headers = { authorization: `Bearer ${key}` };
      const answer = await fetch(`${url}/embedding`, { method: 'POST', headers, body: JSON.stringify(body) });
      return answer.status === 200 ? answer.text() : answer.status;
    };
    expect(await embed('carol', { content: 'a' })).toBe(401);
    const named = await embed('alice', { content: 'panda', prompt_name: 'query' });
    expect(named).toBe(await embed('bob', { content: 'Grüße: panda' }));
    child.kill('SIGTERM');
    await end;
  });

  const broken = folder.write('broken.txt', Buffer.from('a\xffb', 'latin1'));
  const wide = folder.write('wide.txt', utf32(`${mark}[1]`));
  it.each([
    [['tokenize', '-m', bert, '-f', broken], /^error: -f: \S+broken\.txt is not UTF-8 text: byte 1 /],
    [['embed', '-m', bert, '-f', wide], /^error: -f: \S+wide\.txt is UTF-32LE/],
    [['embed', '-m', bert, '--jsonl', '-f', wide], /error: -f: \S+wide\.txt is UTF-32LE/],
    [['rerank', '-m', bert, '-q', 'a', '-f', broken], /^error: -f: \S+broken\.txt is not UTF-8 text: byte 1 /],
    [
      ['serve', '-m', bert, '--port', '0', '--api-key-file', broken],
      /error: --api-key-file: \S+ is not UTF-8 text: byte 1 /,
    ],
    [['serve', '-m', bert, '--port', '0', '--prompts', wide], /error: --prompts: \S+ is UTF-32LE/],
  ])('%j is refused', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('line breaks of Windows are line breaks', async () => {
    const qwen = model('qwen3');
    const windows = utf16(`${mark}one\r\ntwo\r\n`);
    for (const args of [
      ['embed', '-m', qwen, '--embd-output-format', 'raw'],
      ['rerank', '-m', model('qwen3-rank'), '-q', 'a'],
    ]) {
      const unix = await run(args, { input: 'one\ntwo\n' });
      expect(unix.code).toBe(0);
      expect(await run(args, { input: windows })).toEqual(unix);
    }
    const ids = ['tokenize', '-m', qwen, '--ids'];
    expect(await run(ids, { input: 'one\r\n' })).toEqual(await run(ids, { input: 'one' }));
    expect(await run(ids, { input: 'one\r' })).not.toEqual(await run(ids, { input: 'one' }));
    const lines = ['embed', '-m', qwen, '--jsonl'];
    expect(await run(lines, { input: '"a"\r\n\r\n[5]\r\n' })).toEqual(await run(lines, { input: '"a"\n[5]\n' }));
  });

  it('standard input that is not text', async () => {
    const { code, stderr } = await run(['embed', '-m', bert], { input: Buffer.from([0x61, 0x62, 0xc3]) });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: standard input is not UTF-8 text: byte 2 /);
  });
});
