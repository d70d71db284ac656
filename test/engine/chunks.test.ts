/**
 * @file Chunks: where texts are cut, that nothing is lost, and what late chunking computes.
 */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { piecesOf, wordsOf } from '../../src/engine/chunks/pieces.ts';
import { type Chunk, type ChunkOptions, chunk, Embedder, InputError, loadTokenizer } from '../../src/index.ts';
import { cosine } from '../vectors.ts';

const model = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}.gguf`, import.meta.url));
const tokenizers = await Promise.all(
  ['bert-mean', 'bert-xlmr', 'qwen3', 'llama'].map((name) => loadTokenizer(model(name))),
);
const [bert] = tokenizers;

const textsOf = (chunks: readonly Chunk[]) => chunks.map(({ text }) => text);

describe('cuts', () => {
  it('between sentences, also where a line ends within one', () => {
    const text = 'One sentence that is\nbroken. Another one, e.g. this. A third! A fourth?';
    const chunks = chunk(text, bert, { tokens: 24 });
    expect(textsOf(chunks).length).toBeGreaterThan(1);
    for (const { text: part } of chunks) expect(part).toMatch(/^[OA].*[.!?]$/s);
    expect(chunks.some(({ text: part }) => part.includes('is\nbroken.'))).toBe(true);
  });

  it('as the rules of Unicode cut the whole text, however long it and its sentences are', () => {
    const sentence = fc
      .array(fc.constantFrom('word', 'e.g.', '3.5', 'don’t', '東京', 'été', '(so)', '👩‍👩‍👧', 'x'.repeat(5000)), {
        minLength: 1,
      })
      .map((words) => `${words.join(' ')}. `);
    const text = fc.array(sentence, { minLength: 20, maxLength: 100 }).map((sentences) => sentences.join(''));
    fc.assert(
      fc.property(text, (text) => {
        const cut = (granularity: 'sentence' | 'word') =>
          Array.from(new Intl.Segmenter('und', { granularity }).segment(text), ({ segment }) => segment);
        const textOf = ({ start, end }: { start: number; end: number }) => text.slice(start, end);
        expect(piecesOf(text).map(textOf)).toEqual(cut('sentence'));
        const words = wordsOf(text, { start: 0, end: text.length, isHeading: false });
        expect(words.map((word) => textOf(word).trim())).toEqual(cut('word').filter((word) => word.trim() !== ''));
      }),
      { numRuns: 5 },
    );
  });

  it('a long line of marks in time that its length decides', () => {
    expect(chunk('- '.repeat(150_000), bert, { tokens: 64 })).toHaveLength(Math.ceil(150_000 / 62));
  });

  it('at the marks of Markdown, and keeps headings with what follows', () => {
    const text = [
      '# Title',
      '',
      'Some words of the first section. More words of it.',
      '',
      '## Second',
      '',
      '- the first item',
      '- the second item',
      '',
      '```js',
      'const a = 1. + 2;',
      '# no heading',
      '```',
      '| a | b |',
      '| c | d |',
    ].join('\n');
    const chunks = textsOf(chunk(text, bert, { tokens: 48 }));
    expect(chunks.length).toBeGreaterThan(2);
    for (const part of chunks) {
      expect(part).not.toMatch(/(^|\n)#+ (Title|Second)$/);
      // Items, lines of code and rows are whole.
      for (const line of part.split('\n')) expect(text.split('\n').some((whole) => whole.includes(line))).toBe(true);
    }
    const lines = text.split('\n');
    const starts = chunks.map((part) => part.split('\n')[0]);
    for (const start of starts) if (!start.includes('words')) expect(lines).toContain(start);
  });

  it('long sentences between words, and long words between characters', () => {
    const words = chunk('word '.repeat(100), bert, { tokens: 30 });
    expect(words.length).toBeGreaterThan(3);
    for (const { text } of words) expect(text).toMatch(/^(word )*word$/);
    const emojis = chunk('😀'.repeat(60), tokenizers[2], { tokens: 20 });
    expect(textsOf(emojis).join('')).toBe('😀'.repeat(60));
    for (const { text } of emojis) expect(text).toMatch(/^(😀)+$/u);
  });

  it('nothing of a blank text, and leaves a short text whole', () => {
    expect(chunk(' \n\t\n', bert)).toEqual([]);
    expect(chunk('', bert)).toEqual([]);
    const [only, ...more] = chunk('  short \n', bert);
    expect(more).toEqual([]);
    expect(only).toEqual({ text: 'short', start: 2, end: 7, nTokens: bert.encode('short').length });
  });

  it('so that the prompt fits, too', () => {
    const text = 'One sentence. Another sentence. A third sentence. A fourth one.';
    const prompt = 'a prompt: ';
    for (const { text: part, nTokens } of chunk(text, bert, { tokens: 40, prompt })) {
      expect(nTokens).toBe(bert.encode(prompt + part).length);
      expect(nTokens).toBeLessThanOrEqual(40);
    }
  });

  it.each<[options: ChunkOptions, message: string]>([
    [{ tokens: 9 }, 'chunks of 9 tokens leave too little room for text: the special tokens take 2, and 8 must remain'],
    [{ tokens: 20, prompt: 'a long prompt, with many words' }, 'the prompt and the special tokens take'],
    [{ tokens: 30, overlap: 28 }, 'an overlap of 28 tokens is not less than the 28 tokens of text in a chunk'],
    [{ tokens: 0 }, 'tokens must be a positive integer, not 0'],
    [{ overlap: -1 }, 'overlap must be an integer that is 0 or greater'],
    [{ size: 3 } as ChunkOptions, 'the options of chunk have no "size"'],
  ])('refuses %j', (options, message) => {
    expect(() => chunk('text', bert, options)).toThrow(InputError);
    expect(() => chunk('text', bert, options)).toThrow(message);
  });

  it('refuses half an emoji', () => {
    expect(() => chunk('a\ud83d', bert)).toThrow('half of a surrogate pair at character 1');
  });
});

describe('for any text and any tokenizer', () => {
  const unit = fc.constantFrom(
    'a',
    'word',
    ' ',
    ' ',
    '. ',
    '! ',
    '\n',
    '\n\n',
    '# ',
    '- ',
    '```\n',
    '|',
    '😀',
    'é',
    '漢字。',
    '1. ',
    '\t',
    'x'.repeat(40),
  );
  const text = fc.array(unit, { maxLength: 120 }).map((parts) => parts.join(''));
  const options = fc.record({ tokens: fc.integer({ min: 16, max: 60 }), overlap: fc.integer({ min: 0, max: 7 }) });

  it.each(tokenizers.map((tokenizer) => [tokenizer.model, tokenizer] as const))('%s', (_, tokenizer) => {
    fc.assert(
      fc.property(text, options, (whole, given) => {
        const chunks = chunk(whole, tokenizer, given);
        let covered = 0;
        let before: Chunk | undefined;
        for (const one of chunks) {
          expect(whole.slice(one.start, one.end)).toBe(one.text);
          expect(one.text).toBe(one.text.trim());
          expect(one.text).not.toBe('');
          expect(one.nTokens).toBe(tokenizer.encode(one.text).length);
          expect(one.nTokens).toBeLessThanOrEqual(given.tokens);
          // Each chunk has something new, and between two there is white space alone.
          if (before !== undefined) expect(one.end).toBeGreaterThan(before.end);
          if (before !== undefined) expect(one.start).toBeGreaterThan(before.start);
          expect(whole.slice(covered, Math.max(covered, one.start)).trim()).toBe('');
          if (given.overlap === 0) expect(one.start).toBeGreaterThanOrEqual(covered);
          covered = one.end;
          before = one;
        }
        expect(whole.slice(covered).trim()).toBe('');
      }),
      { numRuns: 60 },
    );
  });

  it('an overlap is the end of one chunk and the beginning of the next, in whole sentences', () => {
    const sentence = (i: number) => `Sentence ${i} has some words.`;
    const whole = Array.from({ length: 30 }, (_, i) => sentence(i)).join(' ');
    const cost = bert.encode(sentence(10), { addSpecial: false }).length;
    const chunks = chunk(whole, bert, { tokens: 5 * cost + 2, overlap: 2 * cost });
    expect(chunks.length).toBeGreaterThan(5);
    for (const [i, one] of chunks.entries()) {
      if (i === 0) continue;
      const shared = whole.slice(one.start, chunks[i - 1].end);
      expect(shared).toMatch(/^Sentence \d+ has some words\.( Sentence \d+ has some words\.)*$/);
      expect(bert.encode(shared, { addSpecial: false }).length).toBeLessThanOrEqual(2 * cost);
    }
  });
});

describe('embedChunks', () => {
  const text = 'The cat sat on the mat. It was black. The dog barked at it, all night long. Nobody slept.';
  let embedder: Embedder;
  let reference: Embedder;
  beforeAll(async () => {
    embedder = await Embedder.load(model('bert-mean'), { backend: 'wasm', worker: false });
    reference = await Embedder.load(model('bert-mean'), { backend: 'reference', worker: false });
  });
  afterAll(() => Promise.all([embedder.dispose(), reference.dispose()]));

  it('gives the vectors of the texts of the chunks', async () => {
    const { chunks, dimensions } = await embedder.embedChunks(text, { tokens: 40, prompt: 'p: ', dimensions: 16 });
    expect(chunks.length).toBeGreaterThan(1);
    const { vectors } = await embedder.embed(
      chunks.map((one) => `p: ${one.text}`),
      { dimensions: 16 },
    );
    expect(chunks.map(({ vector }) => vector)).toEqual(vectors);
    expect(dimensions).toBe(16);
  });

  it('late, with one chunk: the bits of the vector of the text', async () => {
    for (const prompt of ['', 'p: ']) {
      const { chunks } = await embedder.embedChunks(text, { tokens: 400, late: true, prompt });
      const { vectors } = await embedder.embed(prompt + text);
      expect(chunks.map(({ vector }) => vector)).toEqual(vectors);
    }
  });

  it.each([0, 12])(
    'late, with an overlap of %i: the means of the tokens of the chunks in the whole text',
    async (overlap) => {
      const { chunks } = await reference.embedChunks(text, { tokens: 40, overlap, late: true, normalize: -1 });
      expect(chunks.length).toBeGreaterThan(1);
      const all = await reference.embed(text, { pooling: 'none' });
      const width = all.dimensions;
      const row = (t: number) => all.vectors[0].subarray(t * width, (t + 1) * width);
      // In BERT, the tokens of a part of a text that ends at a space are a part of its tokens.
      const nBefore = (position: number) => 1 + bert.encode(text.slice(0, position), { addSpecial: false }).length;
      for (const [i, { start, end, vector }] of chunks.entries()) {
        const [from, to] = [i === 0 ? 0 : nBefore(start), i === chunks.length - 1 ? all.nTokens[0] : nBefore(end)];
        const rows = Array.from({ length: to - from }, (_, t) => row(from + t));
        const mean = Float32Array.from(
          { length: width },
          (_, c) => rows.reduce((sum, one) => sum + one[c], 0) / rows.length,
        );
        expect(vector).toEqual(mean);
      }
    },
  );

  it('late, on wasm: near to what the reference computes, and normalised', async () => {
    const options = { tokens: 40, late: true };
    const [a, b] = await Promise.all([embedder.embedChunks(text, options), reference.embedChunks(text, options)]);
    for (const [i, { vector }] of a.chunks.entries()) {
      expect(cosine(vector, b.chunks[i].vector)).toBeGreaterThan(0.99999);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    }
  });

  it('late chunks know the text around them', async () => {
    const other = text.replace('The cat sat', 'The car stood');
    const options = { tokens: 40 };
    const last = async (whole: string, late: boolean) =>
      (await embedder.embedChunks(whole, { ...options, late })).chunks.at(-1)!;
    expect((await last(text, false)).vector).toEqual((await last(other, false)).vector);
    expect((await last(text, true)).vector).not.toEqual((await last(other, true)).vector);
  });

  it('refuses late chunking without mean pooling, and texts beyond the context', async () => {
    const cls = await Embedder.load(model('bert-cls'), { backend: 'reference', worker: false });
    await expect(cls.embedChunks(text, { late: true })).rejects.toThrow(
      'late chunking needs a model with pooling mean',
    );
    await cls.dispose();
    const long = 'Some words. '.repeat(400);
    await expect(embedder.embedChunks(long, { late: true })).rejects.toThrow('the context is 512');
    expect((await embedder.embedChunks(long)).chunks.length).toBeGreaterThan(5);
    await expect(embedder.embedChunks(text, { late: 1 as unknown as boolean })).rejects.toThrow('late must be one of');
  });
});
