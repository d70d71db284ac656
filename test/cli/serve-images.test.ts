/**
 * @file The server with a vision tower, as a process: small bodies, and large ones that are handled in a worker.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listening, run, start } from './run.ts';

const fixtures = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
const base64 = (name: string) => readFileSync(`${fixtures}images/${name}`).toString('base64');

let server: Awaited<ReturnType<typeof listening>>;
const child = start(
  [
    'serve',
    '-m',
    `${fixtures}models/qwen3vl.gguf`,
    '--mmproj',
    `${fixtures}models/mmproj-qwen3vl.gguf`,
    '--port',
    '0',
    '-t',
    '2',
    '--allow-image-urls',
    'Pictures.Example, bücher.example:8443,[::1]:8080',
  ],
  { LLAMA_MEDIA_MARKER: '<image>' },
);
beforeAll(async () => {
  server = await listening(child);
});
afterAll(() => {
  child.kill();
});

interface Answer {
  readonly data: readonly { readonly embedding: number[] }[];
  readonly usage: { readonly prompt_tokens: number };
  readonly error?: { readonly message: string };
}

async function embed(body: object): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Answer };
}

it('gives the same vectors for small and large bodies', async () => {
  const input = [{ prompt_string: 'a <image> b', multimodal_data: [base64('rgb.png')] }, 'text'];
  const small = await embed({ input });
  expect(small.status).toBe(200);
  // Whitespace makes the body large.
  const large = await embed({ input, padding: ' '.repeat(100_000) });
  expect(large.answer).toEqual(small.answer);
  const parts = [
    { type: 'text', text: 'a ' },
    { type: 'image_url', image_url: { url: `data:image/png;base64,${base64('rgb.png')}` } },
    { type: 'text', text: ' b' },
  ];
  const many = await embed({ input: Array.from({ length: 8 }, () => parts) });
  expect(many.status).toBe(200);
  for (const { embedding } of many.answer.data) expect(embedding).toEqual(small.answer.data[0].embedding);
  expect(many.answer.usage.prompt_tokens).toBe(8 * (small.answer.usage.prompt_tokens - 2));
}, 20_000);

it('refuses images in large bodies as in small ones', async () => {
  for (const padding of ['', ' '.repeat(100_000)]) {
    const refused = async (input: unknown) => {
      const { status, answer } = await embed({ input, padding });
      return [status, answer.error?.message];
    };
    const broken = await refused([{ image: 'aGVsbG8gd29ybGQ=' }]);
    expect(broken[0]).toBe(400);
    expect(broken[1]).toContain('image 0 of input 0: this is not a picture');
    const marker = await refused({ prompt_string: '<image>', multimodal_data: [] });
    expect(marker[1]).toContain('1 media markers (<image>) and 0 images');
  }
}, 20_000);

it('allows hosts however they are written, and refuses what is no host', async () => {
  const { status, answer } = await embed({ input: [{ image: 'http://elsewhere.example/a.png' }] });
  expect([status, answer.error?.message]).toEqual([
    400,
    expect.stringContaining('images may come from pictures.example, xn--bcher-kva.example:8443, [::1]:8080'),
  ]);
  const inside = await embed({ input: [{ image: 'http://[::1]:8080/a.png' }] });
  expect(inside.answer.error?.message).toContain('its host is not on the public internet');
  for (const host of ['https://example.com', 'example.com/pictures', '*.example.com', 'a@example.com', 'a b', 'a:b']) {
    const model = ['-m', `${fixtures}models/qwen3vl.gguf`, '--mmproj', `${fixtures}models/mmproj-qwen3vl.gguf`];
    const { code, stderr } = await run(['serve', ...model, '--port', '0', '--allow-image-urls', host]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`--allow-image-urls takes hosts, such as example.com or example.com:8443, not "${host}"`),
    ]);
  }
}, 30_000);
