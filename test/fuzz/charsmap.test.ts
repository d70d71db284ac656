/**
 * @file The normaliser of Unigram models is a trie in a blob: a real one with wrong bytes must be refused or work, since
 * every step through it is an offset that somebody else wrote.
 */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { memorySource, openGguf, type TypedValue } from '../../src/gguf/index.ts';
import { createTokenizer, TokenizerError } from '../../src/tokenizer/index.ts';
import { assemble, takeApart } from './plan.ts';
import { Random } from './random.ts';
import { firstItems } from './seeds.ts';

const RUNS = 1500;
const text = 'Ｆｕｌｌ　ｗｉｄｔｈ ﬁne ½ ① é e\u0301 한국어 تجربة ™ \u0001\u200b aaa';
const KEY = 'tokenizer.ggml.precompiled_charsmap';

test(`${RUNS} changed charsmaps`, async () => {
  const file = await readFile(new URL('../fixtures/models/bert-rank-xlmr.gguf', import.meta.url));
  const { pairs, alignment } = await takeApart(new Uint8Array(file));
  const small = pairs.map((pair) => {
    const key = new TextDecoder().decode(pair.key);
    const { value } = pair;
    if (value.type !== 'array' || key === KEY) return { ...pair, isCharsmap: key === KEY };
    return { ...pair, isCharsmap: false, value: { type: 'array', value: firstItems(value.value, 300) } as TypedValue };
  });
  let worked = 0;
  for (let index = 0; index < RUNS; index++) {
    const random = new Random(index);
    const changed = small.map((pair) =>
      pair.isCharsmap ? { ...pair, value: withWrongBytes(pair.value, random) } : pair,
    );
    const { bytes } = assemble({ pairs: changed, tensors: [], alignment });
    const { metadata } = await openGguf(memorySource(bytes));
    const begin = process.cpuUsage();
    try {
      const tokenizer = createTokenizer(metadata);
      for (const piece of [text, text.repeat(20)]) tokenizer.decode(tokenizer.encode(piece));
      worked++;
    } catch (error) {
      expect(error, `case ${index}`).toBeInstanceOf(TokenizerError);
    }
    expect(process.cpuUsage(begin).user, `case ${index}`).toBeLessThan(1e6);
  }
  expect(worked).toBeGreaterThan(RUNS / 10);
});

/** Wrong bytes near the beginning of the trie, where every text goes through, or anywhere; sometimes cut off. */
function withWrongBytes(value: TypedValue, random: Random): TypedValue {
  if (value.type !== 'array' || value.value.elementType !== 'uint8') throw new Error('the fixture has no charsmap');
  const values = Uint8Array.from(value.value.values as Uint8Array);
  for (let n = 1 + random.below(200); n > 0; n--) {
    const at = random.below(random.chance(0.7) ? 2048 : values.length);
    values[at] = random.chance(0.5) ? random.below(256) : random.pick([0, 0x7f, 0x80, 0xff]);
  }
  const end = random.chance(0.2) ? random.below(values.length) : values.length;
  return { type: 'array', value: { elementType: 'uint8', values: values.slice(0, end) } };
}
