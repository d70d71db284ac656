/**
 * @file The program as a process: results on standard output, errors as one line and exit code 1.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { floats } from '../vectors.ts';
import { finished, main, model, run, start } from './run.ts';

const bert = model('bert-mean');
const bundled = fileURLToPath(new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const reference = JSON.parse(
  readFileSync(new URL('../fixtures/reference/embed/bert-mean.json', import.meta.url), 'utf8'),
);
const cases: { text: string; tokens: number[]; normalized: string }[] = reference.cases;

describe('tokenize', () => {
  it('prints ids and pieces', async () => {
    const { code, stdout } = await run(['tokenize', '-m', bert, '-p', 'Hello\\nworld', '--show-count']);
    expect(code).toBe(0);
    expect(stdout).toBe(`   101 -> '[CLS]'
   550 -> ' he'
  1161 -> 'll'
   628 -> 'o'
   636 -> ' world'
   102 -> '[SEP]'
Total number of tokens: 6
`);
  });

  it('prints only ids, without special tokens, from standard input', async () => {
    const args = ['tokenize', '-m', bert, '--ids'];
    expect((await run([...args, '--no-bos', '-p', 'Hello world'])).stdout).toBe('[550, 1161, 628, 636]\n');
    expect((await run([...args, '--stdin'], { input: 'Hello [SEP]\n' })).stdout).toBe(
      '[101, 550, 1161, 628, 102, 102]\n',
    );
    const plain = await run([...args, '--no-parse-special', '-p', '[SEP]']);
    expect(JSON.parse(plain.stdout)).not.toEqual([101, 102, 102]);
  });

  it('streams JSON lines', async () => {
    const input = `${cases.map(({ text }) => JSON.stringify(text)).join('\n')}\n\n"a"`;
    const { code, stdout } = await run(['tokenize', '-m', bert, '--jsonl'], { input });
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([...cases.map(({ tokens }) => tokens), [101, 142, 102]]);
  });

  it('works on a file that holds only a vocabulary, gzipped or not', async () => {
    const vocabulary = fileURLToPath(new URL('../fixtures/vocab/ggml-vocab-bert-bge.gguf.gz', import.meta.url));
    const { stdout } = await run(['tokenize', '-m', vocabulary, '--ids', '-p', 'Hello world']);
    expect(stdout).toBe('[101, 7592, 2088, 102]\n');
    const { code, stderr } = await run(['embed', '-m', vocabulary, '-p', 'Hello world']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*token_embd\.weight is missing/);
  });
});

describe('embed', () => {
  it('prints the vectors of llama.cpp', async () => {
    const [{ text, normalized }] = cases;
    const { code, stdout, stderr } = await run(['embed', '-m', bert, '--embd-output-format', 'array', '-p', text]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const [vector] = JSON.parse(stdout);
    const expected = floats(normalized);
    expect(vector).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(vector[i]).toBeCloseTo(value, 3);
  });

  it('takes a number of threads for a short text, too', async () => {
    const args = ['embed', '-m', bert, '-p', 'a', '--embd-output-format', 'raw', '--backend', 'wasm'];
    const [one, two] = [await run([...args, '-t', '1']), await run([...args, '-t', '2'])];
    expect(two).toMatchObject({ code: 0, stderr: '' });
    expect(two.stdout).toBe(one.stdout);
  });

  it('prints the scores of a rank model as they are', async () => {
    const { embedding_route } = JSON.parse(
      readFileSync(new URL('../fixtures/reference/rank/bert-rank.json', import.meta.url), 'utf8'),
    );
    const [{ text, values }] = embedding_route.cases;
    const { stdout } = await run(['embed', '-m', model('bert-rank'), '-p', text]);
    const [, score] = /^\nrerank score 0: +(-?[\d.]+)\n/.exec(stdout)!;
    expect(Number(score)).toBeCloseTo(values[0], 2);
  });

  it('splits at the separator and reads standard input', async () => {
    const args = ['embed', '-m', bert, '--embd-output-format', 'raw'];
    const lines = await run(args, { input: 'a\nb\n\nc\n' });
    expect(lines.stdout.trimEnd().split('\n')).toHaveLength(4);
    const joined = await run([...args, '--embd-separator', '|', '-p', 'a|b||c']);
    expect(joined.stdout).toBe(lines.stdout);
    const whole = await run([...args, '--embd-separator', '', '-p', 'a|b'], {});
    expect(whole.stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('streams JSON lines in order, the same values as at once', async () => {
    const texts = Array.from({ length: 700 }, (_, i) => `${cases[i % cases.length].text.slice(0, 40)} ${i}`);
    const input = texts.map((text) => `${JSON.stringify(text)}\n`).join('');
    const { code, stdout } = await run(['embed', '-m', bert, '--jsonl'], { input });
    expect(code).toBe(0);
    const vectors = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as number[]);
    expect(vectors).toHaveLength(texts.length);
    const probe = await run(['embed', '-m', bert, '--jsonl'], { input: `${JSON.stringify(texts[613])}\n` });
    expect(JSON.parse(probe.stdout)).toEqual(vectors[613]);
  });

  it('answers a line before the next one comes', async () => {
    const child = start(['embed', '-m', bert, '--jsonl', '--pooling', 'none']);
    const end = finished(child);
    child.stdin.write('"first"\n');
    const first = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
    expect(JSON.parse(first).length).toBeGreaterThan(2);
    expect(JSON.parse(first)[0]).toHaveLength(64);
    child.stdin.end('"second"\n');
    expect((await end).code).toBe(0);
  });

  it('cuts dimensions and long inputs only when asked to', async () => {
    const long = 'word '.repeat(2000);
    const refused = await run(['embed', '-m', bert, '-p', long]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^error: input 0 has \d+ tokens, but the context is 512/);
    const cut = await run([
      'embed',
      '-m',
      bert,
      '-p',
      long,
      '--truncate',
      'end',
      '--dimensions',
      '8',
      '--embd-output-format',
      'array',
    ]);
    expect(JSON.parse(cut.stdout)[0]).toHaveLength(8);
    expect(cut.stderr).toContain('text 0 was cut to the context');
  });
});

describe('inspect', () => {
  it('prints tables', async () => {
    const { stdout } = await run(['inspect', bert]);
    expect(stdout).toContain('GGUF version 3, little-endian, alignment 32');
    expect(stdout).toMatch(/bert\.block_count +uint32 +3\n/);
    expect(stdout).toMatch(/bert\.attention\.layer_norm_epsilon +float32 +1e-12\n/);
    expect(stdout).toMatch(/token_embd\.weight +F32 +\[64, 1328\]/);
    expect(stdout).toContain('53 tensors, 230816 parameters, 923.3 kB');
  });

  it('prints the model as a tree, layers of the same shapes as one branch', async () => {
    const { stdout } = await run(['inspect', model('modern-bert-rank')]);
    expect(stdout.slice(stdout.indexOf('\nmodel '))).toBe(`
model modern-bert, 232385 parameters
  ├─ token_embd          88320  weight F32 [64, 1380]
  ├─ token_embd_norm        64  weight F32 [64]
  ├─ blk                139712
  │  ├─ 0                34880
  │  │  ├─ attn_qkv      12288  weight F32 [64, 192]
  │  │  ├─ attn_output    4096  weight F32 [64, 64]
  │  │  ├─ ffn_norm         64  weight F32 [64]
  │  │  ├─ ffn_up        12288  weight F32 [64, 192]
  │  │  └─ ffn_down       6144  weight F32 [96, 64]
  │  └─ 1 to 3           34944  each of 3 layers
  │     ├─ attn_norm        64  weight F32 [64]
  │     ├─ attn_qkv      12288  weight F32 [64, 192]
  │     ├─ attn_output    4096  weight F32 [64, 64]
  │     ├─ ffn_norm         64  weight F32 [64]
  │     ├─ ffn_up        12288  weight F32 [64, 192]
  │     └─ ffn_down       6144  weight F32 [96, 64]
  ├─ output_norm            64  weight F32 [64]
  └─ cls                  4225  weight F32 [64, 64]
     ├─ norm                64  weight F32 [64]
     └─ output              65  weight F32 [64, 1], bias F32 [1]
`);
  });

  it('prints a vision tower as a tree', async () => {
    const tower = fileURLToPath(new URL('../fixtures/multimodal/models/mmproj-qwen3vl.gguf', import.meta.url));
    const { stdout } = await run(['inspect', tower]);
    expect(stdout).toContain('\nvision tower qwen3vl_merger, 305616 parameters\n');
    expect(stdout).toMatch(/patch_embd +73776 +weight F32 \[768, 48\], weight.1 F32 \[768, 48\], bias F32 \[48\]/);
    expect(stdout).toMatch(/0 to 3 +\d+ +each of 4 layers/);
  });

  it('prints the tower of SmolVLM', async () => {
    const tower = fileURLToPath(new URL('../fixtures/idefics3/mmproj.gguf', import.meta.url));
    const { stdout } = await run(['inspect', tower]);
    expect(stdout).toContain('\nvision tower idefics3, 73552 parameters\n');
    expect(stdout).toMatch(/fc +27648 +weight F32 \[432, 64\]/);
  });

  it('says why a file holds no model', async () => {
    const vocabulary = fileURLToPath(new URL('../fixtures/vocab/ggml-vocab-bert-bge.gguf.gz', import.meta.url));
    const { code, stdout } = await run(['inspect', vocabulary]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\ncannot run this model: tensor token_embd\.weight is missing: .*\n$/);
  });

  it('prints everything as JSON', async () => {
    const { stdout } = await run(['inspect', '--json', '-m', bert]);
    const { metadata, tensors, model } = JSON.parse(stdout);
    const blk = model.tree.children.find(({ name }: { name: string }) => name === 'blk');
    expect(blk.children).toHaveLength(3);
    expect(blk.children[2].children.at(-1)).toEqual({
      name: 'layer_output_norm',
      parameters: 128,
      children: ['weight', 'bias'].map((name) => ({ name, parameters: 64, type: 'F32', shape: [64] })),
    });
    expect(tensors).toHaveLength(53);
    const tokens = metadata.find(({ key }: { key: string }) => key === 'tokenizer.ggml.tokens');
    expect(tokens.value).toHaveLength(1328);
  });
});

describe('rerank', () => {
  const { queries } = JSON.parse(
    readFileSync(new URL('../fixtures/reference/rank/bert-rank.json', import.meta.url), 'utf8'),
  );
  const [{ query, documents }] = queries as { query: string; documents: { text: string; score: number }[] }[];
  const texts = documents.map(({ text }) => text).filter((text) => !text.includes('\n'));

  it('prints the scores of llama.cpp, best first', async () => {
    const args = ['rerank', '-m', model('bert-rank'), '-q', query];
    const { code, stdout } = await run([...args, '--json'], { input: `${texts.join('\n')}\n` });
    expect(code).toBe(0);
    const results: { index: number; score: number; text: string }[] = JSON.parse(stdout);
    expect(results).toHaveLength(texts.length);
    for (const [i, { index, score, text }] of results.entries()) {
      expect(text).toBe(texts[index]);
      expect(score).toBeCloseTo(documents.find((document) => document.text === text)!.score, 2);
      if (i > 0) expect(score).toBeLessThanOrEqual(results[i - 1].score);
    }
    const best = await run([...args, '--top-n', '1', '--', ...texts]);
    expect(best.stdout).toBe(`${results[0].score.toFixed(6).padStart(11)}  ${results[0].index}  ${results[0].text}\n`);
  });

  it('prints scores on one scale for all models with --rank-scores', async () => {
    const scores = async (name: string, scale: string) => {
      const args = ['rerank', '-m', model(name), '-q', query, '--json', '--rank-scores', scale];
      const { stdout } = await run(args, { input: `${texts.join('\n')}\n` });
      return (JSON.parse(stdout) as { score: number }[]).map(({ score }) => score);
    };
    for (const name of ['bert-rank', 'qwen3-rank']) {
      const [raw, logit, probability] = [
        await scores(name, 'raw'),
        await scores(name, 'logit'),
        await scores(name, 'probability'),
      ];
      const same = name === 'bert-rank' ? logit : probability;
      for (const [i, score] of raw.entries()) {
        expect(same[i]).toBeCloseTo(score, 6);
        expect(probability[i]).toBeCloseTo(1 / (1 + Math.exp(-logit[i])), 9);
      }
    }
  });

  it('reads lines that end as Windows ends them, and refuses to rank nothing', async () => {
    const args = ['rerank', '-m', model('bert-rank'), '-q', query];
    const unix = await run(args, { input: 'one\ntwo\n' });
    expect((await run(args, { input: 'one\r\ntwo\r\n' })).stdout).toBe(unix.stdout);
    const nothing = await run(args, { input: '' });
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain('no documents');
  });

  it('prints a document with line breaks as one line, and accepts it as a JSON string', async () => {
    const document = 'one\ntwo\r\nthree';
    const args = ['rerank', '-m', model('bert-rank'), '-q', query];
    const given = await run([...args, '--', document, 'four']);
    expect(given.stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(given.stdout).toMatch(/ {2}one\\ntwo\\r\\nthree\n/);
    const lines = `${JSON.stringify(document)}\n"four"\n`;
    expect(await run([...args, '--jsonl'], { input: lines })).toEqual(given);
    const bad = await run([...args, '--jsonl'], { input: `${lines}[1]\n` });
    expect(bad).toEqual({
      code: 1,
      stdout: '',
      stderr: 'error: line 3 must be a JSON string or a record of texts and images\n',
    });
  });

  it('refuses a model that is not a reranker', async () => {
    const { code, stderr } = await run(['rerank', '-m', bert, '-q', 'a', 'b']);
    expect(code).toBe(1);
    expect(stderr).toContain('is not a reranker');
  });
});

describe('convert and quantize', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quantize-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('quantize writes a file that embeds nearly the same', async () => {
    const out = join(folder, 'q8.gguf');
    const { code, stderr } = await run(['quantize', bert, out, 'q8_0']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/q8\.gguf: 53 tensors, [\d.]+ kB \(.*Q8_0: \d+.*\)\n$/);
    const args = ['--embd-output-format', 'array', '-p', 'Hello world'];
    const [[a], [b]] = [
      JSON.parse((await run(['embed', '-m', bert, ...args])).stdout),
      JSON.parse((await run(['embed', '-m', out, ...args])).stdout),
    ];
    const dot = a.reduce((sum: number, x: number, i: number) => sum + x * b[i], 0);
    expect(dot).toBeGreaterThan(0.999);
    expect(dot).toBeLessThan(0.9999999);
  });

  it('convert makes a file of a checkout that embeds', async () => {
    const checkout = join(folder, 'bert-mean');
    for (const archive of ['bert-mean', 'wordpiece']) {
      const zip = readFileSync(new URL(`../fixtures/checkouts/${archive}.zip`, import.meta.url));
      for (const [name, bytes] of Object.entries(unzipSync(zip))) {
        const path = join(checkout, name.replace(`${archive}/`, ''));
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytes);
      }
    }
    const out = join(folder, 'converted.gguf');
    const { code, stderr } = await run(['convert', checkout, out, '--outtype', 'f32', '--model-name', 'my model']);
    expect(stderr).toMatch(/converted\.gguf: \d+ tensors, [\d.]+ MB \(F32: \d+\)\n$/);
    expect(code).toBe(0);
    expect((await run(['inspect', out])).stdout).toMatch(/general\.name +string +"my model"/);
    const embedded = await run(['embed', '-m', out, '-p', 'Hello', '--embd-output-format', 'array']);
    expect(JSON.parse(embedded.stdout)[0].length).toBeGreaterThan(8);
  });

  it.each([
    ['hidden_size', 0, 'bert.embedding_length is 0'],
    ['num_attention_heads', 3, 'but bert needs [32, 30]'],
    ['intermediate_size', 5, 'tensor blk.0.ffn_up.weight has the shape [32, 64], but bert needs [32, 5]'],
    ['max_position_embeddings', 5, 'tensor position_embd.weight has the shape [32, 64], but bert needs [32, 5]'],
    ['type_vocab_size', 9, 'tensor token_types.weight has the shape [32, 2], but bert needs [32, 9]'],
  ])('convert writes no file that could not be loaded: %s %d', async (name, value, problem) => {
    const checkout = join(folder, 'bert-mean');
    const changed = join(folder, `changed-${name}`);
    cpSync(checkout, changed, { recursive: true });
    const config = JSON.parse(readFileSync(join(checkout, 'config.json'), 'utf8'));
    writeFileSync(join(changed, 'config.json'), JSON.stringify({ ...config, [name]: value }));
    const out = join(folder, 'converted.gguf');
    const before = readFileSync(out);
    const { code, stderr } = await run(['convert', changed, out]);
    expect(stderr).toContain(
      'error: the files of the checkout do not fit together, so the model could not be loaded: ',
    );
    expect(stderr).toContain(problem);
    expect(code).toBe(1);
    expect(readFileSync(out).equals(before)).toBe(true);
    expect(readdirSync(folder).filter((entry) => entry.endsWith('.partial'))).toEqual([]);
  });

  it('leave nothing when they are stopped', async () => {
    const stopped = mkdtempSync(join(folder, 'stopped-'));
    const child = start(['quantize', '--allow-requantize', bundled, join(stopped, 'x.gguf'), 'Q4_K_M']);
    while (readdirSync(stopped).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGTERM');
    const { code, stderr } = await finished(child);
    expect(stderr).toContain('error: stopped by SIGTERM; nothing was written');
    expect(code).toBe(143);
    expect(readdirSync(stopped)).toEqual([]);
  });

  it('never show half a file, even when they are killed', async () => {
    const killed = mkdtempSync(join(folder, 'killed-'));
    const child = start(['quantize', '--allow-requantize', bundled, join(killed, 'x.gguf'), 'Q4_K_M']);
    while (readdirSync(killed).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGKILL');
    await finished(child);
    expect(readdirSync(killed)).not.toContain('x.gguf');
  });

  it('say what is missing or wrong', async () => {
    expect((await run(['quantize', bert, join(folder, 'x.gguf')])).stderr).toContain(
      'IN [OUT] TYPE [THREADS] (types: F32 (0), ',
    );
    expect((await run(['quantize', bert, join(folder, 'x.gguf'), 'Q9'])).stderr).toContain('there is no type Q9');
    expect((await run(['quantize', bert, join(folder, 'absent', 'x.gguf'), 'Q8_0'])).stderr).toBe(
      `error: ${join(folder, 'absent', 'x.gguf')}: cannot write the file: there is no folder ${join(folder, 'absent')}\n`,
    );
    expect((await run(['convert', folder])).stderr).toContain('FOLDER OUT');
    const empty = await run(['convert', folder, join(folder, 'x.gguf')]);
    expect(empty.code).toBe(1);
    expect(empty.stderr).toMatch(/^error: .*config\.json/);
  });
});

it('--list-devices and --profile', async () => {
  const { stdout } = await run(['embed', '--list-devices']);
  expect(stdout).toMatch(/^webgpu +.+\n(.+\n)*wasm +.+threads\nreference +.+\n$/);
  const profiled = await run(['embed', '-m', bert, '-p', 'a', '--profile', '--backend', 'wasm']);
  expect(profiled.stderr).toMatch(/^linear +[\d.]+ ms +\d+ calls +[\d.]+ GFLOP\/s$/m);
});

describe('mistakes end with exit code 1 and one line', () => {
  it.each<[string[], RegExp]>([
    [['embd'], /unknown command embd: did you mean embed\?/],
    [['SERVE'], /unknown command SERVE: did you mean serve\?/],
    [['help', 'embd'], /unknown command embd: did you mean embed\?/],
    [['-m', bert, 'embed'], /-m comes before the command: gguf-embed COMMAND \[OPTIONS\]/],
    [['embed'], /no model: give a GGUF file with -m FILE/],
    [['rerank', 'model.gguf', '-q', 'a', 'b'], /no model: give a GGUF file with -m model\.gguf/],
    [['embed', '-m', bert, 'text'], /unexpected argument "text" \(give a text with -p\)/],
    [['embed', 'model.gguf', '-p', 'x'], /unexpected argument "model\.gguf" \(give a model with -m model\.gguf\)/],
    [['embed', '-m', bert, '--pooling', 'rank', '-p', 'x'], /is not a reranker: its file has no classifier/],
    [['rerank', '-m', bert, '-q', 'a', '--jsonl', 'b'], /documents are given twice/],
    [['embed', '-m', bert, '--jsonl', '-f', tmpdir()], /-f: cannot read \S+: it is a folder/],
    [['embed', '-m', bert, '-f', tmpdir()], /-f: cannot read \S+: it is a folder/],
    [['embed', '-m', 'absent.gguf', '-p', 'x'], /absent\.gguf/],
    [['embed', '-m', bert, '-f', 'absent.txt'], /cannot read absent\.txt/],
    [['embed', '-m', bert, '--jsonl', '-f', 'absent.jsonl'], /cannot read absent\.jsonl/],
    [['embed', '-m', bert, '-p', 'x', '--stdin'], /cannot be used together/],
    [['embed', '-m', bert, '--jsonl', '-p', 'x'], /--jsonl reads standard input/],
    [['tokenize', '-m', process.execPath, '-p', 'x'], /GGUF/],
    [['inspect'], /give one file/],
    [['serve', '-m', 'absent.gguf', '--port', '0'], /absent\.gguf/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const lines = stderr.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^error: /);
    expect(lines.at(-1)).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('names the line that is not a JSON string', async () => {
    const { code, stderr } = await run(['tokenize', '-m', bert, '--jsonl'], { input: '"a"\n{"a":1}\n' });
    expect(code).toBe(1);
    expect(stderr).toBe('error: line 2 must be a JSON string\n');
    expect((await run(['tokenize', '-m', bert, '--jsonl'], { input: '"a"\n\n"b\n' })).stderr).toMatch(
      /^error: line 3 is not JSON/,
    );
  });

  it.skipIf(!existsSync('/dev/full'))('an output that cannot be written', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [main, 'tokenize', '-m', bert, '-p', 'x'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: cannot write the output: there is no space left on the disk\n$/);
  });

  it('shows the stack with --verbose', async () => {
    const { stderr } = await run(['embed', '-m', 'absent.gguf', '-p', 'x', '--verbose']);
    expect(stderr).toMatch(/\n\s+at /);
  });
});

it('help and version exit with 0', async () => {
  expect(await run(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('gguf-embed COMMAND') });
  expect(await run(['embed', '--help'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('--embd-separator'),
  });
  const { stdout } = await run(['help', 'tokenize']);
  expect(stdout).toContain('--no-parse-special');
  expect(await run(['--help', 'tokenize'])).toMatchObject({ code: 0, stdout });
  expect((await run(['--version'])).stdout).toMatch(/^gguf-embed \d+\.\d+\.\d+\n$/);
});
