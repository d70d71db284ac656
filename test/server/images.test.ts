/**
 * @file Requests with images: what was recorded from native llama-server, and the forms of other servers.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder, type LoadOptions } from '../../src/engine/index.ts';
import { type App, type AppOptions, createApp } from '../../src/server/index.ts';
import { cosine } from '../vectors.ts';
import { fixture } from './http-fixture.ts';

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly status: number;
  readonly response: Answer;
}

interface Answer {
  readonly error?: { readonly code: number; readonly message: string; readonly type: string };
  readonly modalities?: object;
  readonly media_marker?: string;
  readonly usage?: object;
  readonly data?: readonly { readonly embedding: string | number[] }[];
  readonly models?: readonly { readonly capabilities: readonly string[] }[];
}

const image = (name: string) => readFileSync(fixture(`multimodal/images/${name}`)).toString('base64');
const recorded: Record<string, { cases: Recorded[] }> = JSON.parse(
  readFileSync(fixture('multimodal/reference/http.json'), 'utf8'),
).servers;
const model = fixture('multimodal/models/qwen3vl.gguf').pathname;
const mmproj = fixture('multimodal/models/mmproj-qwen3vl.gguf').pathname;
const withImages = (text: string) => text.replaceAll(/@([\w.]+\.(?:png|jpg))/g, (_, name) => image(name));

const open: Embedder[] = [];
afterAll(() => Promise.all(open.map((embedder) => embedder.dispose())));

async function serve(load: LoadOptions, options: AppOptions = {}) {
  const app: App = createApp(
    Embedder.load(model, { backend: 'wasm', onBatch: (batch) => app.onBatch(batch), ...load }).then((embedder) => {
      open.push(embedder);
      return embedder;
    }),
    { mediaMarker: '<__media__>', metrics: true, ...options },
  );
  while ((await app.fetch(new Request('http://x/health'))).status === 503) await new Promise((r) => setTimeout(r, 5));
  return async (method: string, path: string, body?: unknown) => {
    const text = body === undefined ? undefined : withImages(JSON.stringify(body));
    const headers = { 'content-type': 'application/json' };
    const response = await app.fetch(new Request(`http://x${path}`, { method, body: text, headers }));
    const answer = await response.text();
    return {
      status: response.status,
      answer: answer.startsWith('#') ? answer : (JSON.parse(answer) as Answer),
      text: answer,
    };
  };
}

type Send = Awaited<ReturnType<typeof serve>>;

/** What each recorded server is started with. */
const setups: Record<string, LoadOptions> = {
  with_mmproj: { mmproj },
  without_mmproj: {},
  // llama-server's flag does not disable an explicit projector.
  no_mmproj_flag: { mmproj },
  small_last: { mmproj, nCtx: 256 },
  small_mean: { mmproj, nCtx: 256, pooling: 'mean' },
  pooling_none: { mmproj, pooling: 'none' },
};

/** Recorded failures of forms that this server understands; of the one without a tower it still refuses them. */
const understood = /"type": ?"(text|image_url)"|"messages"/;

function vectorsOf(answer: unknown): number[][] {
  const rows = Array.isArray(answer) ? answer : ((answer as Answer).data ?? []);
  return rows.flatMap(({ embedding }: { embedding: string | number[] | (string | number[])[] }) => {
    const list = typeof embedding === 'string' || typeof embedding[0] === 'number' ? [embedding] : embedding;
    return (list as (string | number[])[]).map((one) => {
      if (typeof one !== 'string') return one;
      const bytes = Buffer.from(one, 'base64');
      return Array.from(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
    });
  });
}

describe.each(Object.keys(recorded))('recorded: %s', (label) => {
  let send: Send;
  beforeAll(async () => {
    send = await serve(setups[label]);
  });

  it.each(recorded[label].cases.map((one, i) => [i, one] as const))('case %i', async (_, one) => {
    const { status, answer, text } = await send(one.method, one.path, one.body);
    const sent = JSON.stringify(one.body ?? '');
    const expected = one.response;
    if (one.status === 200) {
      expect(status, text).toBe(200);
      const { models, modalities, media_marker } = expected;
      if (modalities) {
        const vision = 'mmproj' in setups[label];
        expect(answer).toMatchObject({ modalities: { vision, video: false, audio: false }, media_marker });
      } else if (models) expect((answer as Answer).models?.[0].capabilities).toEqual(models[0].capabilities);
      else {
        const [ours, theirs] = [vectorsOf(answer), vectorsOf(expected)];
        expect(ours.length).toBe(theirs.length);
        ours.forEach((vector, i) => {
          expect(cosine(vector, theirs[i])).toBeGreaterThan(0.9999);
        });
        if (expected.usage) expect((answer as Answer).usage).toEqual(expected.usage);
      }
      return;
    }
    if (understood.test(sent) && label !== 'without_mmproj') {
      expect(status, text).toBe(200);
      return;
    }
    // A mistake of the client is 400 here, with llama-server's words and ours behind them.
    const error = (answer as Answer).error!;
    expect(status, text).toBe(one.status === 500 ? 400 : one.status);
    expect(error.code).toBe(status);
    const message = expected.error!.message;
    if (/exceeds|too large/.test(message))
      expect(error).toMatchObject({ type: 'exceed_context_size_error', n_ctx: 256 });
    else if (understood.test(sent)) expect(error.message).toContain('does not support multimodal requests');
    else expect(error.message.startsWith(message), error.message).toBe(true);
  });
});

describe('other forms', () => {
  let send: Send;
  beforeAll(async () => {
    send = await serve({ mmproj }, { prompts: { query: 'find: ' }, cacheSize: 10 });
  });
  const native = { prompt_string: 'a <__media__>', multimodal_data: ['@rgb.png'] };
  const uri = 'data:image/png;base64,@rgb.png';

  it.each([
    [
      'OpenAI parts',
      [
        { type: 'text', text: 'a ' },
        { type: 'image_url', image_url: { url: uri } },
      ],
    ],
    [
      'a list of OpenAI parts',
      [
        [
          { type: 'text', text: 'a ' },
          { type: 'image_url', image_url: uri },
        ],
      ],
    ],
    [
      'parts of the Responses API',
      [
        { type: 'input_text', text: 'a ' },
        { type: 'input_image', image_url: uri },
      ],
    ],
    [
      'parts of type image',
      [
        { type: 'text', text: 'a ' },
        { type: 'image', image: '@rgb.png' },
      ],
    ],
    [
      'content',
      [
        {
          content: [
            { type: 'text', text: 'a ' },
            { type: 'image', image: uri },
          ],
        },
      ],
    ],
    ["Jina's objects", [{ text: 'a ', image: '@rgb.png' }]],
  ])('%s', async (_, input) => {
    for (const path of ['/v1/embeddings', '/embedding']) {
      const expected = await send('POST', path, { input: native });
      const { status, answer, text } = await send('POST', path, { input });
      expect(status, text).toBe(200);
      expect(answer).toEqual(expected.answer);
    }
  });

  it('takes base64 with line breaks, as of MIME', async () => {
    const [head, body] = uri.split(',');
    const broken = `${head},\n${body.replace(/.{76}/g, '$&\r\n')}\n`;
    const [whole, wrapped] = await Promise.all(
      [uri, broken].map((image) => send('POST', '/v1/embeddings', { input: [{ image }] })),
    );
    expect(wrapped.status, wrapped.text).toBe(200);
    expect(wrapped.answer).toEqual(whole.answer);
  });

  it("takes Jina's objects as inputs of their own", async () => {
    const { answer } = await send('POST', '/v1/embeddings', { input: [{ text: 'b' }, { image: '@rgb.png' }, 'b'] });
    const [first, , third] = vectorsOf(answer);
    expect((answer as Answer).data).toHaveLength(3);
    expect(first).toEqual(third);
  });

  it('takes the messages of a chat', async () => {
    const messages = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what? ' },
          { type: 'image_url', image_url: { url: uri } },
        ],
      },
    ];
    const { status, answer, text } = await send('POST', '/v1/embeddings', { messages });
    expect(status, text).toBe(200);
    expect((answer as Answer).data).toHaveLength(1);
    const wrong = await send('POST', '/v1/embeddings', { messages: [{ content: 'x' }] });
    expect([wrong.status, (wrong.answer as Answer).error?.message]).toEqual([400, 'message 0 must have a role']);
  });

  it('refuses parts that are nested too deep', async () => {
    for (const [open, close] of [
      ['{"content":[', ']}'],
      ['{"content":[[', ']]}'],
    ]) {
      const nest = (depth: number) => JSON.parse(`${open.repeat(depth)}{"text":"a"}${close.repeat(depth)}`);
      expect((await send('POST', '/v1/embeddings', { input: [nest(2)] })).status).toBe(200);
      for (const body of [{ input: [nest(1000)] }, { messages: [{ role: 'user', content: [nest(1000)] }] }]) {
        const { status, text } = await send('POST', '/v1/embeddings', body);
        expect(status, text).toBe(400);
        expect(text).toContain('levels deep');
      }
    }
  });

  it('takes a message of more parts than a function has arguments', async () => {
    const content = Array(200_000).fill({ type: 'text', text: '' });
    const { status, text } = await send('POST', '/v1/embeddings', { messages: [{ role: 'user', content }] });
    expect(status, text).toBe(200);
  });

  it('puts prompts before inputs with images', async () => {
    const asked = await send('POST', '/v1/embeddings', {
      input: [{ text: 'a ', image: '@rgb.png' }],
      prompt_name: 'query',
    });
    const written = { ...native, prompt_string: 'find: a <__media__>' };
    expect(asked.answer).toEqual((await send('POST', '/v1/embeddings', { input: written })).answer);
  });

  it.each([
    ['an unknown part', [{ type: 'audio', audio: 'x' }], 'content parts of type "audio" cannot be embedded'],
    ['a path', [{ type: 'image_url', image_url: 'file:///etc/passwd' }], '"image_url" must be a data URI'],
    ['a path as an image', [{ image: 'file:///etc/passwd' }], '"image" must be a data URI'],
    ['an address', [{ image: 'http://127.0.0.1/x.png' }], '--allow-image-urls'],
    ['a data URI without base64', [{ image: 'data:image/png,abc' }], 'is not base64'],
    [
      'a damaged image',
      [{ image: 'aGVsbG8gd29ybGQ=' }],
      'Failed to load image or audio file: image 0 of input 0: this is not a picture',
    ],
    ['a number', [{ image: 5 }], '"image" of a content part must be a string'],
    ['no part', [{ type: 'text' }], '"prompt" elements must be'],
  ])('refuses %s', async (_, input, message) => {
    const { status, answer } = await send('POST', '/v1/embeddings', { input });
    expect(status).toBe(400);
    expect((answer as Answer).error?.message).toContain(message);
  });

  it('refuses a picture whose header claims too much before it is decoded', async () => {
    const bytes = readFileSync(fixture('multimodal/images/rgb.png'));
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    const { status, answer } = await send('POST', '/v1/embeddings', { input: [{ image: bytes.toString('base64') }] });
    expect(status).toBe(400);
    expect((answer as Answer).error?.message).toContain('60000x60000 pixels');
  });

  it('counts images', async () => {
    const { text } = await send('GET', '/metrics');
    expect(Number(/^gguf_embed_images_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
    expect(text).toMatch(/^gguf_embed_image_tokens_total [1-9]/m);
    expect(text).toMatch(/^gguf_embed_tower_seconds_total [\d.]+/m);
  });

  it('chooses a marker unless it is given one', async () => {
    const fresh = createApp({
      ...open[0],
      info: open[0].info,
      metadata: open[0].metadata,
      tokenizer: open[0].tokenizer,
    } as never);
    const marker = async () =>
      ((await (await fresh.fetch(new Request('http://x/props'))).json()) as Answer).media_marker;
    expect(await marker()).toMatch(/^<__media_[A-Za-z0-9]{32}__>$/);
    expect(await marker()).toBe(await marker());
  });

  it('refuses a request whose pictures exceed the memory limit', async () => {
    const small = await serve({ mmproj }, { maxQueueBytes: 50_000 });
    const many = Array.from({ length: 4 }, () => small('POST', '/embedding', { content: [{ image: '@large.jpg' }] }));
    const statuses = (await Promise.all(many)).map(({ status }) => status);
    expect(statuses).toContain(503);
    expect(await small('POST', '/embedding', { content: [{ image: '@rgb.png' }] })).toMatchObject({ status: 200 });
  });
});
