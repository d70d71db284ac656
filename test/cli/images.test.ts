/**
 * @file Images on the command line.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseOptions } from '../../src/cli/options/parse-options.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { editedCopy } from '../models/edit.ts';
import { normal } from '../random.ts';
import { run } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const temporary = temporaryFolder();

const fixtures = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
const model = ['-m', `${fixtures}models/qwen3vl.gguf`, '--mmproj', `${fixtures}models/mmproj-qwen3vl.gguf`];
const image = (name: string) => `${fixtures}images/${name}`;

/** The values of the only vector, or of each, in the output of `--embd-output-format array`. */
const vectors = (stdout: string): number[][] => JSON.parse(stdout);
const array = ['--embd-output-format', 'array'];

it('embeds images with a text: at its markers, or before it', async () => {
  const marked = await run(['embed', ...model, '--image', image('rgb.png'), '-p', '<__media__>what?', ...array]);
  expect(marked.stderr).toBe('');
  const before = await run(['embed', ...model, '--image', image('rgb.png'), '-p', 'what?', ...array]);
  expect(vectors(before.stdout)).toEqual(vectors(marked.stdout));
  const two = ['--image', image('rgb.png'), '--image', image('odd.png')];
  const several = await run(['embed', ...model, ...two, '-p', '<__media__> or <__media__>', ...array]);
  expect(vectors(several.stdout)).toHaveLength(1);
  const alone = await run(['embed', ...model, '--image', image('rgb.png'), ...array]);
  expect(vectors(alone.stdout)[0]).not.toEqual(vectors(before.stdout)[0]);
  const wrong = await run(['embed', ...model, ...two, '-p', 'one <__media__>', ...array]);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('the text has 1 marker <__media__>, but --image was given 2 times');
});

it('traces an image through the tower and the text model, and compares traces', async () => {
  const [npz, html] = ['image.npz', 'image.html'].map(temporary.file);
  const args = ['trace', ...model, '--image', image('odd.png'), '-p', 'a <__media__> b'];
  const table = await run([...args, '--npz', npz, '--html', html]);
  expect([table.code, table.stderr]).toEqual([0, '']);
  expect(table.stdout).toMatch(/^image 0: 64x160 pixels, 4x10 patches, 2x5 tokens\nname +shape/m);
  expect(table.stdout).toMatch(/^\d+ tokens: .* image 0 \(10 tokens\), /m);
  expect(readFileSync(html, 'utf8')).toContain('"patches":{"nx":4,"ny":10}');
  const json = JSON.parse((await run([...args, '--json', '--only', 'layer_out-*'])).stdout);
  expect(json.images).toEqual([
    { width: 64, height: 160, nx: 2, ny: 5, firstToken: 3, patches: { nx: 4, ny: 10 }, windows: [0, 40] },
  ]);
  expect(json.steps.filter((step: { image?: number }) => step.image === 0).length).toBe(4);
  const same = await run([...args, '--compare', npz]);
  expect([same.code, same.stdout.split('\n')[0]]).toEqual([0, expect.stringContaining('tensors agree with')]);
  const versus = await run([...args, '--versus', 'wasm:exact']);
  expect([versus.code, versus.stdout.split('\n')[0]]).toEqual([0, expect.stringContaining('tensors agree with wasm')]);
  const other = await run(['trace', ...model, '--image', image('gray.png'), '-p', 'a <__media__> b', '--compare', npz]);
  expect(other.code).toBe(1);
  const none = await run(['trace', ...model.slice(0, 2), '--image', image('odd.png'), '-p', 'a']);
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('without a vision tower (mmproj)')]);
});

it('takes images in JSON lines: paths, data URIs, base64', async () => {
  const base64 = readFileSync(image('rgb.png')).toString('base64');
  const lines = [
    { image: image('rgb.png'), text: 'what?' },
    { text: '<__media__>what?', images: [`data:image/png;base64,${base64}`] },
    [{ image: { base64 } }, { text: 'what?' }],
    'a text',
    { image: '/nowhere.png' },
    { image: { base64: 'aGVsbG8gd29ybGQ=' } },
  ];
  const input = lines.map((line) => JSON.stringify(line)).join('\n');
  const { stdout, stderr, code } = await run(['embed', ...model, '--jsonl', '--on-error', 'skip'], { input });
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(answers).toHaveLength(6);
  const [{ embedding, ...record }] = answers;
  expect(record).toEqual({ ...(lines[0] as object), n_tokens: expect.any(Number), truncated: false });
  expect(answers[1].embedding).toEqual(embedding);
  expect(answers[2]).toEqual(embedding);
  expect(answers.slice(4)).toEqual([null, null]);
  expect(stderr).toContain('/nowhere.png cannot be read');
  expect(stderr).toContain('image 0 of line 6: this is not a picture');
  expect(code).toBe(1);
}, 20_000);

it('says what to do about an image that is no path, without repeating it', async () => {
  const base64 = readFileSync(image('rgb.png')).toString('base64');
  const address = 'https://example.org/a.jpg';
  const long = `/nowhere/${'a.b'.repeat(2000)}`;
  const lines = [base64, address, `data:image/png,${'%20'.repeat(500)}`, 'file:///a.png', 's3://b/c.png', long];
  const input = lines.map((line) => JSON.stringify({ image: line })).join('\n');
  const { stderr } = await run(['embed', ...model, '--jsonl', '--on-error', 'skip'], { input });
  const messages = stderr.trim().split('\n').slice(0, lines.length);
  expect(messages[0]).toContain(
    `${base64.slice(0, 40)}… (${base64.length} characters) cannot be read: it looks like base64`,
  );
  expect(messages[0]).toContain('{"base64": "…"}');
  expect(messages[1]).toContain(`${address} cannot be read: images are not downloaded: download it`);
  expect(messages[2]).toContain('this data URI is not base64');
  expect(messages[3]).toContain('file:///a.png cannot be read: give its path');
  expect(messages[4]).toContain('s3://b/c.png cannot be read: images are not read from such addresses');
  expect(messages[5]).toContain('its name is too long');
  for (const message of messages) expect(message.length).toBeLessThan(300);
  const { stderr: flag } = await run(['embed', ...model, '--image', address, '-p', 'x']);
  expect(flag).toContain('images are not downloaded');
});

it('ranks images', async () => {
  const file = await openGguf(memorySource(new Uint8Array(readFileSync(`${fixtures}models/qwen3vl.gguf`)), 'qwen3vl'));
  const reranker = temporary.write(
    'reranker.gguf',
    await editedCopy(file, ({ values, setFloats }) => {
      values.set('tokenizer.chat_template.rerank', { type: 'string', value: 'Q: {query} D: {document} A:' });
      const labels = { type: 'array', value: { elementType: 'string', values: ['yes', 'no'] } } as const;
      values.set('qwen3vl.classifier.output_labels', labels);
      setFloats('cls.output.weight', [64, 2], normal(128, 7, 0.1));
    }),
  );
  const pair = ['-m', reranker, ...model.slice(2)];
  const documents = ['--image', image('rgb.png'), '--image', image('odd.png')];
  const { code, stdout, stderr } = await run(['rerank', ...pair, '-q', 'a cat', ...documents, '--json', 'a text']);
  expect([code, stderr]).toEqual([0, '']);
  const ranked = JSON.parse(stdout) as { index: number; score: number; text: string; nTokens: number }[];
  expect(ranked.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
  expect(ranked.find(({ index }) => index === 2)?.text).toBe(image('odd.png'));
  const byImage = await run(['rerank', ...pair, '--query-image', image('rgb.png'), 'one', 'two']);
  expect(byImage.stdout.trim().split('\n')).toHaveLength(2);
  const lines = `${JSON.stringify({ image: image('rgb.png') })}\n"a text"\n`;
  const byLines = await run(['rerank', ...pair, '-q', 'a cat', '--jsonl', '--json'], { input: lines });
  const scores = JSON.parse(byLines.stdout) as typeof ranked;
  expect(scores.find(({ index }) => index === 0)?.score).toBe(ranked.find(({ index }) => index === 1)?.score);
}, 20_000);

it('reads the options of images', () => {
  const { values, notes } = parseOptions('embed', ['--image', 'a,b.png', '--image', 'c.png'], {});
  expect(values.images).toEqual(['a,b.png', 'c.png']);
  expect(notes).toEqual([]);
  const env = { LLAMA_ARG_MMPROJ: 'm.gguf', LLAMA_ARG_IMAGE_MAX_TOKENS: '64' };
  const fromEnvironment = parseOptions('serve', ['--allow-image-urls', 'a.org, b.org:8080'], env).values;
  expect(fromEnvironment).toMatchObject({
    mmproj: 'm.gguf',
    imageMaxTokens: 64,
    allowImageUrls: ['a.org', 'b.org:8080'],
  });
});

it('refuses an invalid colour', async () => {
  const { code, stderr } = await run(['embed', ...model, '--image-background', 'white', '--jsonl']);
  expect(code).toBe(1);
  expect(stderr).toContain('--image-background must be a colour like ffffff, not "white"');
});
