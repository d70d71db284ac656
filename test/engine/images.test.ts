import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { Embedder, type Embeddings, ImageError, InputError, type LoadOptions, Reranker } from '../../src/index.ts';
import { editedCopy } from '../models/edit.ts';

const folder = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
const names = ['qwen3vl', 'qwen25vl', 'qwen2vl', 'gemma3'] as const;
const image = (name: string) => `${folder}images/${name}`;
const bytesOf = (name: string) => new Uint8Array(readFileSync(image(name)));

interface Case {
  readonly text: string;
  readonly images: readonly string[];
  readonly status: number;
  readonly raw?: string;
  readonly normalized?: string;
  readonly prompt_tokens?: number;
  readonly per_token?: readonly string[];
}

const cases = (file: string): Case[] => JSON.parse(readFileSync(`${folder}reference/${file}.json`, 'utf8')).cases;
const decode = (base64: string) => {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

const loaded: Embedder[] = [];
async function load(name: string, options: LoadOptions = {}): Promise<Embedder> {
  const embedder = await Embedder.load(`${folder}models/${name}.gguf`, {
    mmproj: `${folder}models/mmproj-${name}.gguf`,
    backend: 'wasm',
    ...options,
  });
  loaded.push(embedder);
  return embedder;
}
afterAll(() => Promise.all(loaded.map((embedder) => embedder.dispose())));

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

/** Bytes that were given away to a worker. */
function detached(name: string): Uint8Array {
  const bytes = bytesOf(name);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

const inputOf = ({ text, images }: Case) => (images.length === 0 ? text : { text, images: images.map(image) });

describe.each(names)('%s', (name) => {
  it('gives the vectors and token counts of llama.cpp for every text with images', async () => {
    const embedder = await load(name);
    const cosines: number[] = [];
    for (const one of cases(`last/${name}`).filter(({ status }) => status === 200)) {
      const { vectors, nTokens } = await embedder.embed([inputOf(one)]);
      expect(nTokens[0], one.text).toBe(one.prompt_tokens);
      cosines.push(cosine(vectors[0], decode(one.normalized!)));
    }
    expect(Math.min(...cosines)).toBeGreaterThan(0.9999);
    expect(cosines.reduce((sum, c) => sum + c, 0) / cosines.length).toBeGreaterThan(0.99999);
  });

  it.each(['mean', 'cls'] as const)('pools with %s what llama.cpp does', async (pooling) => {
    const embedder = await load(name);
    for (const one of cases(`${pooling}/${name}`).filter(({ status }) => status === 200)) {
      const { vectors } = await embedder.embed([inputOf(one)], { pooling });
      expect(cosine(vectors[0], decode(one.normalized!)), one.text).toBeGreaterThan(0.9999);
    }
  });

  it('returns the tokens behind the last image, or all of them', async () => {
    const embedder = await load(name);
    const whole = await load(name, { mediaPooling: 'whole' });
    for (const one of cases(`none/${name}`).filter(({ status }) => status === 200)) {
      const { vectors, dimensions, nTokens } = await embedder.embed([inputOf(one)], { pooling: 'none' });
      const rows = one.per_token!.map(decode);
      expect(vectors[0].length / dimensions, one.text).toBe(rows.length);
      rows.forEach((row, i) => {
        const ours = vectors[0].subarray(i * dimensions, (i + 1) * dimensions);
        expect(cosine(ours, row), one.text).toBeGreaterThan(0.9999);
      });
      const all = await whole.embed([inputOf(one)], { pooling: 'none' });
      expect(all.vectors[0].length / dimensions).toBe(nTokens[0]);
      expect(all.vectors[0].subarray(-vectors[0].length)).toEqual(vectors[0]);
    }
  });
});

it.each(names)(
  '%s: a picture that EXIF data turns has the vector of the picture that is stored upright',
  async (name) => {
    const { decodeImage, imageSize } = await import('../../src/image/index.ts');
    const bytes = bytesOf('exif6.jpg');
    const { width, height, rgb } = await decodeImage(bytes, { exif: 'rotate' });
    expect(imageSize(bytes, { exif: 'rotate' })).toMatchObject({ width, height });
    expect(imageSize(bytes)).toMatchObject({ width: height, height: width });
    expect(width).not.toBe(height);
    const upright = Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), rgb]);
    const input = (image: Uint8Array) => ({ text: 'a <__media__> b', images: [image] });
    const turning = await load(name, { images: { exif: 'rotate' } });
    const expected = await (await load(name)).embed([input(new Uint8Array(upright))]);
    const answer = await turning.embed([input(bytes)]);
    expect(answer.nTokens).toEqual(expected.nTokens);
    expect(answer.vectors).toEqual(expected.vectors);
  },
);

describe('inputs with images', () => {
  const ask = { text: 'a <__media__> b', images: [bytesOf('rgb.png')] };
  const parts = [{ text: 'a ' }, { image: bytesOf('rgb.png') }, { text: ' b' }];
  const only = ({ vectors }: Embeddings) => vectors[0];

  it('can have any form', async () => {
    const embedder = await load('qwen3vl');
    const expected = await embedder.embed([ask]);
    const same = async (input: Parameters<Embedder['embed']>[0]) => {
      const answer = await embedder.embed(input);
      expect(only(answer)).toEqual(only(expected));
      expect(answer.nTokens).toEqual(expected.nTokens);
      expect(answer.nImageTokens).toEqual([9]);
    };
    await same(ask);
    await same([parts]);
    await same({ ...ask, images: [new Blob([readFileSync(image('rgb.png'))])] });
    await same({ ...ask, images: [image('rgb.png')] });
    await same({ ...ask, images: [new URL(`file://${image('rgb.png')}`)] });
    await same({ ...ask, images: [bytesOf('rgb.png').buffer] });
    await same([[{ text: 'a' }, { text: ' ' }, { image: bytesOf('rgb.png') }, { text: ' b' }]]);
    const shared = new Uint8Array(new SharedArrayBuffer(bytesOf('rgb.png').length));
    shared.set(bytesOf('rgb.png'));
    await same({ ...ask, images: [shared] });
    await same({ ...ask, images: [shared.buffer] });
    const { decodeImage } = await import('../../src/image/index.ts');
    const { width, height, rgb } = await decodeImage(bytesOf('rgb.png'));
    const data = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let i = 0; i < width * height; i++) data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    await same({ ...ask, images: [{ width, height, data }] });
    const sharedPixels = new Uint8ClampedArray(new SharedArrayBuffer(data.length));
    sharedPixels.set(data);
    await same({ ...ask, images: [{ width, height, data: sharedPixels }] });
    await same([[{ tokens: embedder.tokenize('a ', { addSpecial: false }) }, ...parts.slice(1)]]);
  });

  it('give the same bits alone, beside others, and with a cache or without', async () => {
    const [embedder, uncached] = [await load('qwen3vl'), await load('qwen3vl', { imageCache: 0 })];
    const alone = only(await embedder.embed([ask]));
    const inputs = ['a text', ask, { image: bytesOf('large.jpg') }, { ...ask, text: '<__media__>' }, parts];
    for (const model of [embedder, uncached]) {
      const { vectors, nImageTokens } = await model.embed(inputs);
      expect(vectors[1]).toEqual(alone);
      expect(vectors[4]).toEqual(alone);
      expect(nImageTokens[0]).toBe(0);
    }
  });

  it('encode the same image once', async () => {
    const images: number[] = [];
    const embedder = await load('qwen3vl', { onBatch: ({ nImages }) => void images.push(nImages) });
    await embedder.embed(Array.from({ length: 10 }, (_, i) => ({ ...ask, text: `question ${i}: <__media__>` })));
    await embedder.embed([ask]);
    expect(images.filter((n) => n > 0)).toEqual([1]);
  });

  it('with a text alone are texts', async () => {
    const embedder = await load('gemma3');
    const expected = only(await embedder.embed('a text'));
    expect(only(await embedder.embed([{ text: 'a text', images: [] }]))).toEqual(expected);
    expect(only(await embedder.embed([[{ text: 'a ' }, { text: 'text' }]]))).toEqual(expected);
    expect(only(await embedder.embed([{ text: 'a text' }]))).toEqual(expected);
  });

  it('are refused by name when they cannot be used', async () => {
    const embedder = await load('qwen3vl', { images: { perInput: 1 }, nCtx: 64 });
    const refused: [Parameters<Embedder['embed']>[0], RegExp, typeof InputError | typeof ImageError][] = [
      [
        [{ text: 'no marker', images: [bytesOf('rgb.png')] }],
        /input 0 has 0 markers <__media__> and 1 images/,
        InputError,
      ],
      [[{ text: '<__media__> <__media__>', images: [bytesOf('rgb.png')] }], /2 markers/, InputError],
      [['x', { image: new Uint8Array(10) }], /image 0 of input 1: this is not a picture/, ImageError],
      [{ image: bytesOf('rgb.png').slice(0, 3000) }, /image 0 of input 0: .* end/, ImageError],
      [{ image: detached('rgb.png') }, /image 0 of input 0: the file is empty/, ImageError],
      [{ image: detached('rgb.png').buffer as ArrayBuffer }, /image 0 of input 0: the file is empty/, ImageError],
      [{ image: { width: 1, height: 1, data: new Float32Array(4) } as never }, /must be bytes/, InputError],
      [{ image: '/nowhere/x.png' }, /\/nowhere\/x\.png cannot be read/, InputError],
      [{ image: 7 as unknown as Uint8Array }, /image 0 of input 0 must be bytes/, InputError],
      [{ image: new URL('http://localhost/x.png') }, /not read from http: URLs/, InputError],
      [[parts.concat(parts)], /input 0 has 2 images; at most 1/, InputError],
      [[[{ text: 'a', image: bytesOf('rgb.png') } as never]], /part 0 of input 0 must have one of/, InputError],
      [
        { image: bytesOf('large.jpg') },
        /303 tokens, but the context is 64: .* an input with images is never cut$/,
        InputError,
      ],
    ];
    for (const [input, message, kind] of refused) {
      const failing = embedder.embed(input);
      await expect(failing).rejects.toThrow(message);
      await expect(failing).rejects.toBeInstanceOf(kind);
    }
    const textOnly = await Embedder.load(`${folder}models/qwen3vl.gguf`, { backend: 'reference' });
    loaded.push(textOnly);
    await expect(textOnly.embed([ask])).rejects.toThrow('takes texts alone: it was loaded without a vision tower');
  });

  it('take the options of images', async () => {
    const turned = await load('qwen3vl', { images: { exif: 'rotate' } });
    const plain = await load('qwen3vl');
    const exif = { image: bytesOf('exif6.jpg') };
    expect(only(await turned.embed(exif))).not.toEqual(only(await plain.embed(exif)));
    const onWhite = await load('qwen3vl', { images: { background: [255, 255, 255] } });
    const alpha = { image: bytesOf('alpha.png') };
    expect(only(await onWhite.embed(alpha))).not.toEqual(only(await plain.embed(alpha)));
    await expect(load('qwen3vl', { images: { minTokens: 10, maxTokens: 5 } })).rejects.toThrow('must not be above');
    await expect(load('qwen3vl', { images: { background: [1, 2, 300] } })).rejects.toThrow('from 0 to 255');
    const bombs = await load('qwen3vl', { images: { limits: { pixels: 100 } } });
    await expect(bombs.embed([ask])).rejects.toThrow('96x80 pixels, 7680 in all; at most 100');
  });

  it.each(names)('have as many tokens as llama.cpp gives them within limits: %s', async (name) => {
    const { servers } = JSON.parse(readFileSync(`${folder}reference/flags/${name}.json`, 'utf8'));
    for (const { extra_flags: flags, cases } of servers) {
      const limit = (flag: string) => (flags.includes(flag) ? Number(flags[flags.indexOf(flag) + 1]) : undefined);
      const images = { minTokens: limit('--image-min-tokens'), maxTokens: limit('--image-max-tokens') };
      const embedder = await load(name, { images });
      for (const one of cases as Case[]) {
        const { vectors, nTokens } = await embedder.embed([inputOf(one)]);
        expect(nTokens[0]).toBe(one.prompt_tokens);
        expect(cosine(vectors[0], decode(one.normalized!))).toBeGreaterThan(0.9999);
      }
    }
  });

  it('add no listener for each image to the signal of a call', async () => {
    const embedder = await load('qwen3vl', { imageCache: 0 });
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => void warnings.push(name);
    process.on('warning', onWarning);
    const pixels = Array.from({ length: 12 }, (_, i) => ({
      image: { width: 8, height: 8, data: new Uint8Array(256).fill(i) },
    }));
    await embedder.embed(pixels);
    await embedder.embed(pixels, { signal: new AbortController().signal });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('leave the queue when nobody waits for them any more', async () => {
    const embedder = await load('qwen3vl');
    const controller = new AbortController();
    const aborted = embedder.embed([{ image: bytesOf('square.png') }], { signal: controller.signal });
    const other = embedder.embed([{ image: bytesOf('square.png') }]);
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(other).resolves.toMatchObject({ nImageTokens: [36] });
    expect(embedder.nWaiting).toBe(0);
  });
});

describe('Reranker', () => {
  const template = 'Query: {query} Document: {document} Answer:';
  async function loadReranker(): Promise<Reranker> {
    const source = readFileSync(`${folder}models/qwen3vl.gguf`);
    const file = await openGguf(memorySource(new Uint8Array(source), 'qwen3vl.gguf'));
    const bytes = await editedCopy(file, ({ values }) => {
      values.set('tokenizer.chat_template.rerank', { type: 'string', value: template });
    });
    const reranker = await Reranker.load(bytes, {
      mmproj: `${folder}models/mmproj-qwen3vl.gguf`,
      backend: 'wasm',
      pooling: 'rank',
    });
    loaded.push(reranker.embedder);
    return reranker;
  }

  it('ranks images by a text, texts by an image, and both mixed', async () => {
    const reranker = await loadReranker();
    const documents = [{ image: bytesOf('rgb.png') }, 'a text', [{ text: 'with ' }, { image: bytesOf('odd.png') }]];
    const { results, nImageTokens, truncated } = await reranker.rank('what?', documents);
    expect(results.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
    expect(nImageTokens).toEqual([9, 0, 10]);
    expect(truncated).toEqual([false, false, false]);
    // The same as the filled template, embedded without special tokens around it.
    const [before, between, after] = template.split(/\{\w+\}/);
    const filled = [{ text: `${before}what?${between}` }, documents[0] as { image: Uint8Array }, { text: after }];
    const { vectors } = await reranker.embedder.embed([filled], { addSpecial: false });
    expect(results.find(({ index }) => index === 0)?.score).toBe(vectors[0][0]);
    // Texts alone are ranked as without images in the list.
    const texts = await reranker.rank('what?', ['a text']);
    expect(results.find(({ index }) => index === 1)?.score).toBeCloseTo(texts.results[0].score, 5);
    const byImage = await reranker.rank({ image: bytesOf('rgb.png') }, ['a', 'b']);
    expect(byImage.nImageTokens).toEqual([9, 9]);
  });

  it('says which pair cannot be used', async () => {
    const reranker = await loadReranker();
    await expect(reranker.rank('a', [{ image: new Uint8Array(3) }])).rejects.toThrow(
      'image 0 of document 0: this is not a picture',
    );
    await expect(reranker.rank('a', [7 as never, { image: bytesOf('rgb.png') }])).rejects.toThrow(
      'document 0 is neither',
    );
    const without = await Reranker.load(`${folder}models/qwen3vl.gguf`, {
      mmproj: `${folder}models/mmproj-qwen3vl.gguf`,
      backend: 'reference',
      pooling: 'rank',
    });
    loaded.push(without.embedder);
    await expect(without.rank('a', [{ image: bytesOf('rgb.png') }])).rejects.toThrow('no rerank template');
  });
});

describe('Embedder.load', () => {
  it('refuses a tower that does not belong to the model, and files without one', async () => {
    const with_ = (mmproj: string) => Embedder.load(`${folder}models/qwen3vl.gguf`, { mmproj, backend: 'reference' });
    await expect(with_(`${folder}models/mmproj-qwen2vl.gguf`)).rejects.toThrow('do not belong together');
    await expect(with_(`${folder}models/qwen2vl.gguf`)).rejects.toThrow('a file with a vision tower has clip there');
    await expect(with_('/nowhere.gguf')).rejects.toThrow('/nowhere.gguf');
  });

  it('warns when pooling leaves images out', async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await load('qwen3vl', { pooling: 'none', onWarning });
    expect(warnings.join()).toContain('--media-pooling whole');
    warnings.length = 0;
    await load('qwen3vl', { pooling: 'none', mediaPooling: 'whole', onWarning });
    await load('qwen3vl', { onWarning });
    expect(warnings).toEqual([]);
  });

  it('describes the tower', async () => {
    expect((await load('gemma3')).info.vision).toMatchObject({ projector: 'gemma3', mediaPooling: 'last-text' });
  });
});
