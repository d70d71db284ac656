/** @file The tables of a vocabulary that WebAssembly makes are those that TypeScript makes. */
import { expect, it } from 'vitest';
import { PackedStrings } from '../../src/gguf/string-array.ts';
import { compiledTables } from '../../src/tokenizer/compiled-tables.ts';
import { packTexts } from '../../src/tokenizer/packed-texts.ts';
import { markUnused, unusedMark } from '../../src/tokenizer/special-names.ts';
import { indexTexts, TokenTable } from '../../src/tokenizer/token-table.ts';
import { Attribute } from '../../src/tokenizer/vocab.ts';

const encoder = new TextEncoder();

/** Strings as in a file, behind a few other bytes. */
function stored(texts: readonly Uint8Array[]): PackedStrings {
  const start = 5;
  const ends = new Uint32Array(texts.length);
  const length = texts.reduce((sum, text) => sum + 8 + text.length, 0);
  const bytes = new Uint8Array(start + length + 3).fill(0xaa);
  const view = new DataView(bytes.buffer);
  let at = start;
  texts.forEach((text, i) => {
    view.setBigUint64(at, BigInt(text.length), true);
    bytes.set(text, at + 8);
    at += 8 + text.length;
    ends[i] = at - start;
  });
  return new PackedStrings({ bytes }, start, ends);
}

/** Texts of 1 to 40 bytes, all different, among them characters of several bytes and texts with `unused`. */
const texts = Array.from({ length: 20_000 }, (_, i) => {
  const text = `${(i * 7919) % 20_011}${['', 'ü▁', ' unused ', 'unuse', 'nunused'][i % 5]}`;
  return encoder.encode(text.padEnd(i % 41, '=').slice(0, 40) + (i % 3 === 0 ? '' : String(i)));
});
texts.push(encoder.encode('x'.repeat(3_000_000)));

it('has the same texts, hashes, slots and lengths', () => {
  const strings = stored(texts);
  const made = compiledTables(strings)!;
  const { bytes, offsets } = packTexts(strings);
  expect(Buffer.compare(made.texts.bytes, bytes)).toBe(0);
  expect(made.texts.offsets).toEqual(offsets);
  const index = indexTexts({ bytes, offsets });
  expect(made.index.hashes).toEqual(index.hashes);
  expect(made.index.slots).toEqual(index.slots);
  expect(Buffer.compare(made.index.lengths, index.lengths)).toBe(0);
  expect(index.duplicate).toBeUndefined();
  expect(made.index.duplicate).toBeUndefined();
  const table = new TokenTable(made.texts, made.index);
  for (const id of [0, 1, 777, 19_999, 20_000]) expect(table.find(texts[id], 0, texts[id].length)).toBe(id);
  expect(table.find(encoder.encode('no token'), 0, 8)).toBe(-1);
});

it('finds the first two equal texts', () => {
  const repeated = [...texts.slice(0, 5000), texts[4000], texts[17], texts[17]];
  const strings = stored(repeated);
  expect(compiledTables(strings)!.index.duplicate).toEqual([4000, 5000]);
  expect(indexTexts(packTexts(strings)).duplicate).toEqual([4000, 5000]);
});

it.each([Int32Array, Uint32Array])('converts types in %o, whatever their values', (Values) => {
  const values = new Values(texts.map((_, i) => [3, 1, 2, 0, 4, 5, 6, 7, -1, 257, 2 ** 31 - 1][i % 11]));
  const strings = stored(texts);
  const made = compiledTables(strings)!;
  const attributeOf = [0, 4, 1, Attribute.control, 16, 2, 32];
  const { types, attributes } = made.classify(values, 6, attributeOf);
  const expected = Uint8Array.from(values, (value) => (value >= 0 && value <= 6 ? value : 0));
  expect(types).toEqual(expected);
  const expectedAttributes = expected.map((type) => attributeOf[type]);
  expect(attributes).toEqual(expectedAttributes);
  made.mark(Attribute.control, unusedMark, Attribute.unused);
  markUnused(new TokenTable(made.texts, made.index), expectedAttributes);
  expect(expectedAttributes).toContain(Attribute.control | Attribute.unused);
  expect(attributes).toEqual(expectedAttributes);
});

it('refuses texts that were chosen to collide, as TypeScript does', () => {
  // 1024 texts have 2048 slots.
  const colliding: Uint8Array[] = [];
  const hash = (text: Uint8Array) => text.reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5 | 0);
  for (let i = 0; colliding.length < 600; i++) {
    const text = encoder.encode(i.toString(36));
    const h = hash(text);
    if (((h ^ (h >>> 15)) & 2047) === 5) colliding.push(text);
  }
  const others = Array.from({ length: 424 }, (_, i) => encoder.encode(`an other ${i}`));
  const strings = stored([...colliding, ...others]);
  const problem = /^tokenizer\.ggml\.tokens: entry (\d+) shares its hash/;
  expect(() => compiledTables(strings)).toThrow(problem);
  const messages = [() => compiledTables(strings), () => indexTexts(packTexts(strings))].map((make) => {
    try {
      make();
      return 'nothing';
    } catch (error) {
      return (error as Error).message;
    }
  });
  expect(messages[0]).toBe(messages[1]);
});

it('leaves few texts, empty ones and texts of other sources to TypeScript', () => {
  expect(compiledTables(stored(texts.slice(0, 1000)))).toBeUndefined();
  expect(compiledTables(stored([...texts, new Uint8Array()]))).toBeUndefined();
  const strings = stored(texts);
  const other = {
    length: strings.length,
    at: strings.at,
    bytes: strings.bytes,
    [Symbol.iterator]: strings[Symbol.iterator],
  };
  expect(compiledTables(other)).toBeUndefined();
});
