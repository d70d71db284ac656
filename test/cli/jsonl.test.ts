/**
 * @file `--jsonl`: answers before a bad line come out, the error names the line and comes at once, `--on-error skip` goes on.
 */
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { byteLines } from '../../src/cli/input/byte-lines.ts';
import { parseOptions } from '../../src/cli/options/parse-options.ts';
import { answerLines } from '../../src/cli/output/answer-lines.ts';
import { finished, model, run, start } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const bert = model('bert-mean');
const folder = temporaryFolder();
const long = JSON.stringify('word '.repeat(2000));

const children: ReturnType<typeof start>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Lines that cannot be used, and what is said about the one at `n`. */
const bad: [kind: string, line: string | Buffer, problem: (n: number) => RegExp][] = [
  ['not JSON', 'nope', (n) => new RegExp(`line ${n} is not JSON: `)],
  ['half JSON', '"a', (n) => new RegExp(`line ${n} is not JSON: `)],
  ['a number', '7', (n) => new RegExp(`line ${n} must be a JSON string`)],
  ['null', 'null', (n) => new RegExp(`line ${n} must be a JSON string`)],
  ['an object', '{"a":1}', (n) => new RegExp(`line ${n} (must be a JSON string|has no field "text")`)],
  ['an empty list', '[]', (n) => new RegExp(`line ${n} must be a JSON string`)],
  ['texts in a list', '["a"]', (n) => new RegExp(`line ${n} must be a JSON string`)],
  ['fractions', '[1.5]', (n) => new RegExp(`line ${n} must be a JSON string`)],
  ['invalid UTF-8', Buffer.from('"ab\xff"', 'latin1'), (n) => new RegExp(`line ${n} is not UTF-8 text: byte 3 `)],
  ['half an emoji', '"ab\\ud83d"', (n) => new RegExp(`line ${n} has half of a surrogate pair at character 2`)],
];
/** Lines that only a model can refuse. */
const badForModel: typeof bad = [
  ['too long', long, (n) => new RegExp(`line ${n} is too large: it has \\d+ tokens, but the context is 512`)],
  ['ids beyond the vocabulary', '[101,99999]', (n) => new RegExp(`token 99999 of line ${n} is outside the vocabulary`)],
  ['negative ids', '[-1]', (n) => new RegExp(`token -1 of line ${n} is outside the vocabulary`)],
];

/** Lines as bytes, each ended by a line break. */
const joined = (lines: readonly (string | Buffer)[]) =>
  Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));

/** Runs over lines in a file, so that they are one chunk and no encoding is in between. */
async function answers(args: readonly string[], lines: readonly (string | Buffer)[]) {
  const file = folder.file('lines.jsonl');
  writeFileSync(file, joined(lines));
  const result = await run([...args, '--jsonl', '-f', file]);
  return { ...result, lines: result.stdout.split('\n').slice(0, -1) };
}

describe('a bad line ends the run after the answers before it, with its number', () => {
  it.each(bad)('tokenize: %s', async (_, line, problem) => {
    const { code, lines, stderr } = await answers(['tokenize', '-m', bert], ['"a"', '', '"b"', line, '"c"']);
    expect(code).toBe(1);
    expect(lines.map((text) => JSON.parse(text))).toEqual([
      [101, 142, 102],
      [101, 143, 102],
    ]);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toMatch(problem(4));
  });

  it.each([...bad, ...badForModel])('embed: %s', async (_, line, problem) => {
    const { code, lines, stderr } = await answers(['embed', '-m', bert], ['"a"', '[101,142,102]', line, line, '"c"']);
    expect(code).toBe(1);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(lines[1]);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toMatch(problem(3));
  });

  it.each([
    ['of its own group', 1001],
    ['of a group in the middle', 700],
    ['the first of a group', 513],
    ['the very first', 1],
  ])('in a long input: the line is %s', async (_, at) => {
    const lines = Array.from({ length: 1001 }, (_, i) => JSON.stringify(`text ${i}`));
    for (const line of ['{', long]) {
      const result = await answers(['embed', '-m', bert], lines.with(at - 1, line));
      expect(result.lines).toHaveLength(at - 1);
      expect(result.stderr).toContain(`line ${at} `);
      expect(result.code).toBe(1);
    }
  });
});

describe('--on-error skip answers null and says so at the end', () => {
  it('embed', async () => {
    const all = [...bad, ...badForModel].map(([, line]) => line);
    const input = all.flatMap((line) => ['"a"', line]);
    const { code, lines, stderr } = await answers(['embed', '-m', bert, '--on-error', 'skip'], [...input, '"a"']);
    expect(lines).toHaveLength(2 * all.length + 1);
    for (const [i, line] of lines.entries()) {
      if (i % 2 === 1) expect(line).toBe('null');
      else expect(line).toBe(lines[0]);
    }
    expect(JSON.parse(lines[0])).toHaveLength(64);
    const said = stderr.trimEnd().split('\n');
    for (const [i, [, , problem]] of [...bad, ...badForModel].entries()) {
      expect(said[i]).toMatch(/^skipped: /);
      expect(said[i]).toMatch(problem(2 * i + 2));
    }
    expect(said.at(-1)).toBe(`error: ${all.length} of ${lines.length} lines are invalid: their answers are null`);
    expect(code).toBe(1);
  });

  it('tokenize', async () => {
    const { code, lines } = await answers(['tokenize', '-m', bert, '--on-error', 'skip'], ['{', '"a"', '7']);
    expect(lines).toEqual(['null', '[101,142,102]', 'null']);
    expect(code).toBe(1);
  });

  it('is as good as stop where every line can be used', async () => {
    const { code, stderr } = await answers(['embed', '-m', bert, '--on-error', 'skip'], ['"a"', '""']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
});

describe('a program that writes a line and waits', () => {
  const open = (...args: string[]) => {
    const child = start([...args, '--jsonl']);
    children.push(child);
    const end = finished(child);
    const lines = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
    return { child, end, answer: async () => String((await lines.next()).value) };
  };

  it.each([
    ['embed', '"first"', 64],
    ['embed', '[101,142,102]', 64],
    ['tokenize', '""', 2],
  ])('%s answers %s while standard input is open', async (command, line, length) => {
    const { child, answer } = open(command, '-m', bert);
    for (let i = 0; i < 3; i++) {
      child.stdin.write(`${line}\n`);
      expect(JSON.parse(await answer())).toHaveLength(length);
    }
  });

  it.each([
    ['not JSON', '{'],
    ['too long', long],
  ])('hears of a line that is %s while standard input is open', async (_, line) => {
    const { child, answer, end } = open('embed', '-m', bert);
    child.stdin.write('"a"\n');
    await answer();
    child.stdin.write(`${line}\n`);
    const { code, stderr } = await end;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: line 2 /);
  });

  it('gets null for it with --on-error skip, and goes on', async () => {
    const { child, answer, end } = open('embed', '-m', bert, '--on-error', 'skip');
    child.stdin.write(`${long}\n`);
    expect(await answer()).toBe('null\n');
    child.stdin.end('"a"\n');
    expect(JSON.parse(await answer())).toHaveLength(64);
    expect((await end).code).toBe(1);
  });
});

const written = vi.hoisted<string[]>(() => []);
vi.mock('../../src/cli/output/write.ts', () => ({ write: async (text: string) => void written.push(text) }));

it('a failure of the engine comes after the answers before it', async () => {
  const path = folder.write('many.jsonl', '"a"\n'.repeat(400));
  const { values } = parseOptions('embed', ['--jsonl', '-f', path], {});
  let nGroups = 0;
  const answered = answerLines(values, {
    done: 'done',
    async answer(lines) {
      if (nGroups++ > 0) throw new Error('the GPU is gone');
      await new Promise((resolve) => setTimeout(resolve, 50));
      return lines.map(() => '[]');
    },
  });
  await expect(answered).rejects.toThrow('the GPU is gone');
  expect(written.join('')).toBe('[]\n'.repeat(256));
});

describe('lines of bytes', () => {
  const lines = async (chunks: readonly Uint8Array[]) => {
    async function* stream() {
      yield* chunks;
    }
    const found = [];
    for await (const group of byteLines(stream(), 'here')) found.push(...group);
    return found;
  };
  const text = 'one\n\nzwei ü 😀\u0a0a\u000b\nlast';

  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)])],
    ['UTF-16LE', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16BE', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
  ])('%s in chunks of any size', async (name, bytes) => {
    const encode = (line: string) =>
      name === 'UTF-8'
        ? Buffer.from(line)
        : name === 'UTF-16LE'
          ? Buffer.from(line, 'utf16le')
          : Buffer.from(line, 'utf16le').swap16();
    for (const size of [1, 2, 3, 4, 5, 7, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const found = await lines(chunks);
      expect(found.map(({ bytes }) => Buffer.from(bytes!).toString('hex'))).toEqual(
        text.split('\n').map((line) => encode(line).toString('hex')),
      );
      expect(found.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
      expect(found.every(({ encoding }) => encoding.name === name)).toBe(true);
    }
  });

  it('a line that is too long is one bad line', async () => {
    const big = Buffer.alloc(2 ** 24, 0x61);
    const found = await lines([Buffer.from('"a"\n'), big, big, big, big, big, Buffer.from('\n"b"\n')]);
    expect(found.map(({ number, bytes }) => [number, bytes?.length])).toEqual([
      [1, 3],
      [2, undefined],
      [3, 3],
    ]);
  });

  it('an empty input has no lines', async () => {
    expect(await lines([])).toEqual([]);
    expect(await lines([Buffer.from('\n')])).toHaveLength(1);
  });
});
