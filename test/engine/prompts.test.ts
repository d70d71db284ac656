/**
 * @file Named prompts around texts and images: their token ids, spelled out one by one, through the library, the server and the command line.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContentPart, Embedder, type EmbedInput, type InputError } from '../../src/engine/index.ts';
import {
  colNomicPrompts,
  gmePrompts,
  jinaV4Prompts,
  nomicMultimodalPrompts,
  type PromptsByName,
  qwen3VlPrompts,
} from '../../src/hub/known-prompts.ts';
import { createApp } from '../../src/server/index.ts';
import { run } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';

const temporary = temporaryFolder();
const fixture = (path: string) => fileURLToPath(new URL(`../fixtures/multimodal/${path}`, import.meta.url));
const picture = fixture('images/odd.png');
const image: ContentPart = { image: new Uint8Array(readFileSync(picture)) };

/** A piece of an input as the models' authors build it: a special token, a text between two of them, or the image. */
type Piece = { special: string } | { text: string } | { image: true };
const special = (...names: string[]): Piece[] => names.map((name) => ({ special: `<|${name}|>` }));
const text = (value: string): Piece[] => [{ text: value }];
const ends = (n: number) => special(...Array<string>(n).fill('endoftext'));
const seen: Piece[] = [{ image: true }];

/** What the authors of a model put around an input, from the instruction to the open answer. */
const chat = (instruction: string, input: Piece[], answer: Piece[] = []): Piece[] => [
  ...special('im_start'),
  ...text(`system\n${instruction}`),
  ...special('im_end'),
  ...text('\n'),
  ...special('im_start'),
  ...turn(input),
  ...text('\n'),
  ...special('im_start'),
  ...text('assistant\n'),
  ...answer,
];
/** The user's turn, whose text is one with the name of the role. */
const turn = (input: Piece[]): Piece[] =>
  input.length === 1 && 'text' in input[0]
    ? [...text(`user\n${input[0].text}`), ...special('im_end')]
    : [...text('user\n'), ...input, ...special('im_end')];
const described = (end: Piece[]): Piece[] => [
  ...special('im_start'),
  ...text('user\n'),
  ...seen,
  ...text('Describe the image.'),
  ...special('im_end'),
  ...end,
];

interface Family {
  readonly pair: 'qwen3vl' | 'qwen25vl' | 'qwen2vl';
  readonly prompts: PromptsByName;
  readonly cases: readonly [promptName: string, input: 'text' | 'image' | 'both', pieces: Piece[]][];
}

const words = 'a red circle';
const retrieve = "Retrieve images or text relevant to the user's query.";
const represent = "Represent the user's input.";
const helpful = 'You are a helpful assistant.';
const families: Record<string, Family> = {
  'Qwen3-VL-Embedding': {
    pair: 'qwen3vl',
    prompts: qwen3VlPrompts,
    cases: [
      ['query', 'text', chat(retrieve, text(words))],
      ['document', 'text', chat(represent, text(words))],
      ['document', 'image', chat(represent, seen)],
      ['document', 'both', chat(represent, [...seen, ...text(words)])],
    ],
  },
  'jina-embeddings-v4': {
    pair: 'qwen25vl',
    prompts: jinaV4Prompts,
    cases: [
      ['query', 'text', text(`Query: ${words}`)],
      ['document', 'text', text(`Passage: ${words}`)],
      ['document', 'image', described(text('\n'))],
    ],
  },
  'nomic-embed-multimodal': {
    pair: 'qwen25vl',
    prompts: nomicMultimodalPrompts,
    cases: [
      ['query', 'text', [...text(`Query: ${words}`), ...ends(1)]],
      ['document', 'text', text(words)],
      ['document', 'image', described(ends(1))],
    ],
  },
  ColNomic: {
    pair: 'qwen25vl',
    prompts: colNomicPrompts,
    cases: [
      ['query', 'text', [...text(`Query: ${words}`), ...ends(10)]],
      ['document', 'image', described(ends(1))],
    ],
  },
  'GME-Qwen2-VL': {
    pair: 'qwen2vl',
    prompts: gmePrompts,
    cases: [
      ['query', 'text', chat(helpful, text(words), ends(1))],
      ['document', 'image', chat(helpful, seen, ends(1))],
      ['text-to-image', 'text', chat('Find an image that matches the given text.', text(words), ends(1))],
      ['document', 'both', chat(helpful, [...seen, ...text(words)], ends(1))],
    ],
  },
};

const inputs: Record<'text' | 'image' | 'both', EmbedInput> = {
  text: words,
  image: [image],
  both: [image, { text: words }],
};

describe.each(Object.entries(families))('%s', (_, { pair, prompts, cases }) => {
  const files = [fixture(`models/${pair}.gguf`), fixture(`models/mmproj-${pair}.gguf`)];
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await Embedder.load(files[0], { mmproj: files[1], backend: 'reference', worker: false, prompts });
  });
  afterAll(() => embedder?.dispose());

  /** The ids of the pieces, with the image in between, and the special tokens that the file adds at the end. */
  function spelled(pieces: readonly Piece[]): ContentPart[] {
    const tokens = embedder.metadata.strings('tokenizer.ggml.tokens')!;
    return pieces.map((piece) => {
      if ('image' in piece) return image;
      if ('text' in piece) return { tokens: embedder.tokenize(piece.text, { addSpecial: false, parseSpecial: false }) };
      const id = Array.from({ length: tokens.length }, (_, i) => tokens.at(i)).indexOf(piece.special);
      expect(id, piece.special).toBeGreaterThanOrEqual(0);
      return { tokens: [id] };
    });
  }

  /** The vector of the pieces. Inputs of token ids alone get no special tokens: they are added here. */
  async function expected(pieces: readonly Piece[]) {
    const parts = spelled(pieces);
    if (parts.some((part) => 'image' in part)) return embedder.embed([parts]);
    const ids = parts.flatMap((part) => ('tokens' in part ? Array.from(part.tokens) : []));
    return embedder.embed([[...ids, ...embedder.tokenize('')]]);
  }

  it.each(cases)('%s around %s has the tokens of the original', async (promptName, input, pieces) => {
    const wanted = await expected(pieces);
    const got = await embedder.embed([inputs[input]], { promptName });
    expect(got.nTokens).toEqual(wanted.nTokens);
    expect(got.nImageTokens).toEqual(wanted.nImageTokens);
    expect(got.vectors).toEqual(wanted.vectors);
  });

  it('is the same through the server, and nothing without prompt_name', async () => {
    const plain = await Embedder.load(files[0], { mmproj: files[1], backend: 'reference', worker: false });
    const app = createApp(plain, { prompts });
    const ask = async (body: object) => {
      const request = new Request('http://x/v1/embeddings', { method: 'POST', body: JSON.stringify(body) });
      const response = await app.fetch(request);
      return { status: response.status, ...((await response.json()) as Answer) };
    };
    const base64 = readFileSync(picture).toString('base64');
    const sent = { text: words, image: { image: base64 }, both: { image: base64, text: words } };
    for (const [promptName, input, pieces] of cases) {
      const answer = await ask({ input: [sent[input]], prompt_name: promptName });
      const wanted = await expected(pieces);
      expect(vectorsOf(answer)).toEqual(wanted.vectors);
      expect(answer.usage?.prompt_tokens).toBe(wanted.nTokens[0]);
    }
    const unnamed = await ask({ input: [sent.text, sent.image] });
    const { vectors } = await embedder.embed([words, [image]]);
    expect(vectorsOf(unnamed)).toEqual(vectors);
    const unknown = await ask({ input: 'a', prompt_name: 'no such' });
    expect([unknown.status, unknown.error?.message]).toEqual([
      400,
      `"prompt_name" must be the name of a prompt (known: ${Object.keys(prompts).join(', ')})`,
    ]);
    await plain.dispose();
  });
});

const vectorsOf = ({ data = [] }: Answer) => data.map(({ embedding }) => Float32Array.from(embedding));

interface Answer {
  readonly data?: readonly { readonly embedding: number[] }[];
  readonly usage?: { readonly prompt_tokens: number };
  readonly error?: { readonly message: string };
}

describe('names', () => {
  let embedder: Embedder;
  beforeAll(async () => {
    const prompts = { query: { prefix: 'find: ', suffix: '!' }, plain: 'x ' };
    embedder = await Embedder.load(fixture('models/qwen25vl.gguf'), { backend: 'reference', worker: false, prompts });
  });
  afterAll(() => embedder?.dispose());

  it('that are unknown list the known ones', async () => {
    const failed = embedder.embed(['a'], { promptName: 'toString' });
    await expect(failed).rejects.toThrow('there is no prompt "toString" (known: query, plain)');
    await expect(failed).rejects.toMatchObject({ code: 'option' } satisfies Partial<InputError>);
  });

  it('that are empty, and token ids, stay without a prompt', async () => {
    const ids = embedder.tokenize('a b');
    const mixed = [5, 'a'];
    const bare = await embedder.embed(['a b', ids, mixed, Int32Array.from(ids)]);
    const { vectors } = await embedder.embed([ids, mixed, Int32Array.from(ids)], { promptName: 'query' });
    expect(vectors).toEqual(bare.vectors.slice(1));
    expect((await embedder.embed(['a b'], { promptName: '' })).vectors[0]).toEqual(bare.vectors[0]);
    expect((await embedder.embed(['a b'], { promptName: 'query' })).nTokens).toEqual([
      embedder.tokenize('find: a b!').length,
    ]);
  });

  it.each(['end', 'start'] as const)('keep their texts around an input that is cut at its %s', async (side) => {
    const prompt = { prefix: '<|im_start|>user\n', suffix: '<|im_end|>\n<|endoftext|>' };
    const small = await Embedder.load(fixture('models/qwen25vl.gguf'), {
      backend: 'reference',
      worker: false,
      nCtx: 16,
      prompts: { chat: prompt },
    });
    const ids = (text: string) => small.tokenize(text);
    const long = ' red circle'.repeat(20);
    const [before, own, after] = [prompt.prefix, long, prompt.suffix].map(ids);
    expect(ids(prompt.prefix + long + prompt.suffix)).toEqual([...before, ...own, ...after]);
    const room = 16 - before.length - after.length;
    const kept = side === 'end' ? own.slice(0, room) : own.slice(-room);
    const { vectors } = await small.embed([[...before, ...kept, ...after]]);
    const cut = await small.embed([long], { promptName: 'chat', truncate: side });
    expect(cut).toMatchObject({ nTokens: [16], truncated: [true] });
    expect(cut.vectors).toEqual(vectors);
    expect((await small.embed([long], { prompt, truncate: side })).vectors).toEqual(vectors);
    // The server does so, too, for small bodies and large ones, with a cache and without.
    for (const cacheSize of [0, 10]) {
      const app = createApp(small, { prompts: { chat: prompt }, cacheSize });
      for (let turn = 0; turn < 2; turn++) {
        const body = { input: [long, 'a'], prompt_name: 'chat', truncate: side };
        const sent = await app.fetch(
          new Request('http://x/v1/embeddings', { method: 'POST', body: JSON.stringify(body) }),
        );
        const answer = (await sent.json()) as Answer;
        expect(vectorsOf(answer)).toEqual([
          vectors[0],
          (await small.embed([ids(`${prompt.prefix}a${prompt.suffix}`)])).vectors[0],
        ]);
      }
    }
    await small.dispose();
  });

  it('are refused when a prompt has no room for a text, and when two are given', async () => {
    const small = await Embedder.load(fixture('models/qwen25vl.gguf'), {
      backend: 'reference',
      worker: false,
      nCtx: 4,
    });
    const prompt = { prefix: '<|im_start|>user\n', suffix: '<|endoftext|>' };
    await expect(small.embed(['a b c'], { prompt, truncate: true })).rejects.toThrow(
      /the context is 4: the [45] tokens around its text leave no room for it$/,
    );
    await expect(small.embed(['a'], { prompt, promptName: 'query' })).rejects.toThrow('cannot be used together');
    await expect(small.embed(['a'], { prompt: 5 as never })).rejects.toThrow('prompt must be a text or { prefix');
    await small.dispose();
  });

  it('cut chunks so that they fit with both texts around them', async () => {
    const long = 'A sentence about rivers. '.repeat(40);
    const prompt = { prefix: 'find: ', suffix: ' <- here' };
    const { chunks } = await embedder.embedChunks(long, { tokens: 32, prompt });
    expect(chunks.length).toBeGreaterThan(3);
    for (const one of chunks) {
      const whole = `find: ${one.text} <- here`;
      expect(one.nTokens).toBe(embedder.tokenize(whole).length);
      expect(one.nTokens).toBeLessThanOrEqual(32);
      expect(one.vector).toEqual((await embedder.embed([whole])).vectors[0]);
    }
  });

  it.each([[5], [{ a: 5 }], [{ a: { before: 'x' } }], [{ a: { image: 'x' } }], [{ a: { prefix: null } }], [['a']]])(
    'of %j are refused',
    async (prompts) => {
      const options = { backend: 'reference', prompts } as never;
      await expect(Embedder.load(fixture('models/qwen25vl.gguf'), options)).rejects.toThrow('prompts must be');
    },
  );
});

describe('the command line', () => {
  const model = ['-m', fixture('models/qwen25vl.gguf')];
  const pair = [...model, '--mmproj', fixture('models/mmproj-qwen25vl.gguf')];
  const array = ['--embd-output-format', 'array'];
  const file = temporary.write('prompts.json', JSON.stringify(jinaV4Prompts));
  const named = (name: string) => ['--prompts', file, '--prompt-name', name];
  const around = '<|im_start|>user\n<__media__>Describe the image.<|im_end|>\n';

  it('puts a prompt around an image, and around a text', async () => {
    const one = await run(['embed', ...pair, '--image', picture, ...array, ...named('document')]);
    expect(one.stderr).toBe('');
    const written = await run(['embed', ...pair, '--image', picture, '-p', around, ...array]);
    expect(one.stdout).toBe(written.stdout);
    const text = await run(['embed', ...model, '-p', 'a', ...array, ...named('document')]);
    expect(text.stdout).toBe((await run(['embed', ...model, '-p', 'Passage: a', ...array])).stdout);
  });

  it('puts it around what lines and the rows of a job have', async () => {
    const records = (list: object[]) => list.map((one) => `${JSON.stringify(one)}\n`).join('');
    const bare = records([{ image: picture }, { text: 'a' }]);
    const written = records([{ text: around, images: [picture] }, { text: 'Passage: a' }]);
    const vectorsOfLines = (stdout: string) =>
      stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { embedding: number[] }).embedding);
    const answered = await run(['embed', ...pair, '--jsonl', ...named('document')], { input: bare });
    const wanted = vectorsOfLines((await run(['embed', ...pair, '--jsonl'], { input: written })).stdout);
    expect(wanted).toHaveLength(2);
    expect(vectorsOfLines(answered.stdout)).toEqual(wanted);
    const output = temporary.file('job.jsonl');
    const source = temporary.write('job-in.jsonl', bare);
    const job = await run(['embed', ...pair, '-f', source, '--output', output, ...named('document')]);
    expect(job.code, job.stderr).toBe(0);
    expect(vectorsOfLines(readFileSync(output, 'utf8'))).toEqual(wanted);
  });

  it('refuses an unknown name, and a file of other values', async () => {
    const unknown = await run(['embed', ...model, '-p', 'a', ...named('passage')]);
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      'error: there is no prompt "passage" (known: query, document; give others with --prompts FILE)\n',
    ]);
    const wrong = temporary.write('wrong.json', '{"query":{"prefix":5}}');
    const refused = await run(['embed', ...model, '-p', 'a', '--prompts', wrong]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('"query" must be a text or { prefix')]);
  });
});
