/**
 * @file Every option of every public function with values that it cannot have: the error is the library's own and names the option.
 */
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/embedder.ts';
import { InputError } from '../../src/engine/errors.ts';
import { embedOptions, rankOptions, tokenizeOptions, traceOptions } from '../../src/engine/inputs/call-options.ts';
import { loadOptions } from '../../src/engine/load/load-options.ts';
import { loadTokenizer } from '../../src/engine/load/tokenizer.ts';
import { Reranker } from '../../src/engine/rerank/reranker.ts';
import { TokenizerError } from '../../src/tokenizer/index.ts';
import { fixture } from './support.ts';

const local = { worker: false, backend: 'wasm' } as const;
let embedder: Embedder;
let reranker: Reranker;

beforeAll(async () => {
  embedder = await Embedder.load(fixture('bert-mean'), local);
  reranker = await Reranker.load(fixture('bert-rank'), local);
});
afterAll(() => Promise.all([embedder.dispose(), reranker.dispose()]));

/** What no option of the library takes, whatever its type. */
const unfit = fc.constantFrom<unknown>(
  null,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1.5,
  0.5,
  2n ** 70n,
  Symbol('wrong'),
  new Date(0),
  new Map([['bert.block_count', 1]]),
  Object(5),
  Object('mean'),
  Object(true),
  Object(1n),
  Promise.resolve(5),
  [Object.create(null)],
);

/** As options themselves. */
const notOptions = fc.oneof(
  fc.constantFrom<unknown>(null, 5, '512', true, 1n, Symbol('wrong'), () => ({}), [], [{ pooling: 'mean' }], new Map()),
  fc.double(),
  fc.string(),
);

const throwing = (name: string) =>
  Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new TypeError('the getter fails');
    },
  });

/** Each function with its options; it must not get as far as to use a value. */
const functions: readonly [name: string, table: object, call: (options: never) => unknown][] = [
  ['Embedder.load', loadOptions, (options) => Embedder.load(fixture('bert-mean'), options)],
  ['Reranker.load', loadOptions, (options) => Reranker.load(fixture('bert-rank'), options)],
  ['loadTokenizer', { hub: 0, signal: 0, overrides: 0 }, (options) => loadTokenizer(fixture('bert-mean'), options)],
  ['embed', embedOptions, (options) => embedder.embed('a text', options)],
  ['trace', traceOptions, (options) => embedder.trace('a text', options)],
  ['rank', rankOptions, (options) => reranker.rank('a query', ['a document'], options)],
  ['tokenize', tokenizeOptions, async (options) => embedder.tokenize('a text', options)],
];

const refusal = async (result: unknown): Promise<Error> => {
  const error = await Promise.resolve(result).then(
    (value) => {
      (value as { dispose?(): void })?.dispose?.();
      return undefined;
    },
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(InputError);
  expect(error).toMatchObject({ code: 'option' });
  return error as Error;
};

describe.each(functions)('%s', (where, table, call) => {
  const names = Object.keys(table);

  it('refuses values of no use for any option, by the name of the option', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), unfit, async (name, value) => {
        expect((await refusal(call({ [name]: value } as never))).message).toContain(name);
      }),
      { numRuns: 150 },
    );
  });

  it('refuses what is not an object of options', async () => {
    await fc.assert(
      fc.asyncProperty(notOptions, async (options) => {
        expect((await refusal(call(options as never))).message).toContain(`the options of ${where} must be an object`);
      }),
      { numRuns: 40 },
    );
  });

  it('refuses unknown names, and suggests the nearest', async () => {
    for (const name of names) {
      const mistyped = `${name}s`;
      expect((await refusal(call({ [mistyped]: true } as never))).message).toBe(
        `the options of ${where} have no "${mistyped}": did you mean ${name}?`,
      );
    }
    await refusal(call({ '': 1 } as never));
    await refusal(call({ ['__proto__']: 1, constructor: 1 } as never));
    await refusal(call({ toString: 1 } as never));
  });

  it('says which option cannot be read', async () => {
    for (const name of names) {
      const error = await refusal(call(throwing(name) as never));
      expect(error.message).toContain('cannot be read: the getter fails');
      expect(error.cause).toBeInstanceOf(TypeError);
    }
    const trap = () => {
      throw new RangeError('the trap fails');
    };
    for (const handler of [{ ownKeys: trap }, { get: trap }, { getOwnPropertyDescriptor: trap }]) {
      expect((await refusal(call(new Proxy({ [names[0]]: true }, handler) as never))).message).toContain(
        'cannot be read: the trap fails',
      );
    }
  });
});

describe('options within options', () => {
  it.each([
    [{ overrides: 5 }, 'overrides must be an object, not 5'],
    [{ overrides: ['bert.block_count'] }, 'overrides must be an object, not a list'],
    [{ overrides: { 'bert.block_count': null } }, /overrides\["bert.block_count"\] must be a boolean, a finite number/],
    [{ overrides: { 'bert.block_count': Number.NaN } }, /must be a boolean, a finite number, .*, not NaN/],
    [{ overrides: { 'bert.block_count': [2] } }, /must be .*, not a list/],
    [{ overrides: { 'bert.block_count': { type: 'int', value: 2 } } }, /\.type must be one of uint8, .*, not "int"/],
    [{ overrides: { 'bert.block_count': { type: 'int32', value: '2' } } }, /\.value must be .*, not "2"/],
    [{ overrides: { 'bert.block_count': { value: 2 } } }, /must have a type/],
    [{ overrides: { 'bert.block_count': { typ: 'int32', value: 2 } } }, /has no "typ": did you mean type\?/],
    [{ rope: { x: 1 } }, /rope has no "x": known are scaling, freqBase/],
    [{ rope: { freqbase: 1 } }, 'rope has no "freqbase": did you mean freqBase?'],
    [{ rope: { freqBase: '1e4' } }, 'rope.freqBase must be a finite number, not "1e4"'],
    [{ rope: { freqScale: 1n } }, 'rope.freqScale must be a finite number, not 1n'],
    [{ rope: { scaling: 'longrope' } }, 'rope.scaling must be one of none, linear, yarn, not "longrope"'],
    [{ hub: 'hf' }, 'hub must be an object, not "hf"'],
    [{ hub: { offline: 'yes' } }, 'hub.offline must be one of true, false, not "yes"'],
    [{ hub: { connections: 0 } }, 'hub.connections must be a positive integer, not 0'],
    [{ hub: { tokens: 'a' } }, 'hub has no "tokens": did you mean token?'],
    [{ gpu: true }, 'gpu must be an object, not true'],
    [{ gpu: { tuningCache: true } }, /gpu.tuningCache must be false or an object with the methods read and write/],
    [{ images: { limits: { side: 1.5 } } }, 'images.limits.side must be a positive integer, not 1.5'],
    [{ images: { background: [0, 0, 256] } }, 'images.background must be three numbers from 0 to 255, not a list'],
    [{ mmproj: 5 }, /mmproj must be a path, a URL, bytes/],
  ])('Embedder.load refuses %o', async (options, message) => {
    const error = await refusal(Embedder.load(fixture('bert-mean'), { ...local, ...options } as never));
    expect(error.message).toMatch(message);
  });
});

describe('values that are as good', () => {
  it('an option that is undefined counts as not given, unknown ones, too', async () => {
    const { vectors } = await embedder.embed('a text', { pooling: undefined, poling: undefined } as never);
    expect(vectors).toEqual((await embedder.embed('a text')).vectors);
  });

  it('inherited options, frozen ones and those without a prototype', async () => {
    const expected = (await embedder.embed('a text', { normalize: -1 })).vectors;
    for (const options of [
      Object.create({ normalize: -1 }),
      Object.freeze({ normalize: -1 }),
      Object.assign(Object.create(null), { normalize: -1 }),
      runInNewContext('({ normalize: -1 })'),
    ]) {
      expect((await embedder.embed('a text', options)).vectors).toEqual(expected);
    }
  });

  it('a signal of another implementation', async () => {
    const { signal } = new AbortController();
    const foreign = {
      aborted: false,
      reason: undefined,
      addEventListener: signal.addEventListener.bind(signal),
      removeEventListener: signal.removeEventListener.bind(signal),
      throwIfAborted: () => {},
    };
    const { vectors } = await embedder.embed('a text', { signal: foreign as never });
    expect(vectors).toEqual((await embedder.embed('a text')).vectors);
  });
});

describe('arguments that are not options', () => {
  it.each([[null], [5.5], [{}], [Symbol('wrong')], [undefined]])('detokenize and encode refuse %o', (value) => {
    const { tokenizer } = embedder;
    expect(() => embedder.detokenize(value as never)).toThrow(TokenizerError);
    expect(() => tokenizer.decode(value as never)).toThrow(TokenizerError);
    expect(() => tokenizer.encode(value as never)).toThrow(TokenizerError);
    expect(() => tokenizer.encodePair(value as never, 'a')).toThrow(TokenizerError);
    expect(() => tokenizer.encodePair('a', value as never)).toThrow(TokenizerError);
    expect(() => tokenizer.piece(value as never)).toThrow(TokenizerError);
    expect(() => tokenizer.encode('a', { addSpecial: value ?? null } as never)).toThrow(TokenizerError);
  });
});
