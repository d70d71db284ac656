/**
 * @file The scanners cut as the regular expressions do that they stand for.
 *
 * The expressions are llama.cpp's, applied as it applies them: one after the other, each to the pieces of the one before, and
 * those with Unicode classes to a text in which each character beyond ASCII is replaced by a letter for its category.
 */
import { describe, expect, test } from 'vitest';
import { splitters } from '../../src/tokenizer/pretokenizers/splitters.ts';
import { CATEGORY_MASK, Category, codePointFlags, WHITESPACE } from '../../src/tokenizer/unicode/code-points.ts';
import { fromUtf8, utf8 } from '../../src/tokenizer/utf8.ts';
import { randomText } from './random-text.ts';

/** Cuts after each group of three of a run of numbers, counted from the right, and not before the run. */
const GROUPS_OF_THREE = Symbol('groups of three');

/** By splitter, and model where several expressions come to the same. */
const expressions: Readonly<Record<string, readonly (string | symbol)[]>> = {
  llama3: [
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  jais2: [
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`,
  ],
  deepseekLlm: [
    String.raw`[\r\n]`,
    String.raw`\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+`,
    String.raw`\s?[!-/:-~！-／：-～‘-‟　-。]+`,
    String.raw`\s+$`,
    '[一-龥ࠀ-一가-퟿]+',
    String.raw`\p{N}+`,
  ],
  deepseek3: [
    String.raw`\p{N}{1,3}`,
    '[一-龥぀-ゟ゠-ヿ]+',
    String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  spark: [
    String.raw`\p{N}{1,3}`,
    '[一-龥぀-ゟ゠-ヿ]+',
    String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+`,
    String.raw`\p{N}`,
  ],
  youtu: [
    '[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+',
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  deepseekCoder: [
    String.raw`[\r\n]`,
    String.raw`\s?\p{L}+`,
    String.raw`\s?\p{P}+`,
    '[一-龥ࠀ-一가-퟿]+',
    String.raw`\p{N}`,
  ],
  falcon: [
    String.raw`[\p{P}\$\+<=>\^~\|${'`'}]+`,
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    '[0-9][0-9][0-9]',
  ],
  starcoder: [
    String.raw`\p{N}`,
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  ],
  gpt2: [String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`],
  qwen2: [
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  qwen35: [
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  poro: [String.raw` ?[^(\s|.,!?…。，、।۔،)]+`],
  viking: [String.raw` ?[^(\s|.,!?…。，、।۔،)]+`, String.raw`\p{N}`],
  tekken: [
    String.raw`[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  chameleon: [
    '<sentinel:[0-9]+>',
    '(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z',
    String.raw`([\t\n]|    |  )`,
    String.raw`\p{N}`,
    String.raw`[\p{P}!-/:-@\[-${'`'}{-~]`,
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  ],
  gpt4o: [
    String.raw`[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  graniteMulti: [
    String.raw`[^\r\n\p{L}\p{N}]?((?=[\p{L}\p{M}])([^a-z]))*((?=[\p{L}\p{M}])([^A-Z]))+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?((?=[\p{L}\p{M}])([^a-z]))+((?=[\p{L}\p{M}])([^A-Z]))*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  tinyAya: [
    GROUPS_OF_THREE,
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  superbpe: [String.raw`\p{N}+`, String.raw`(?=(\d{3})+(?!\d))`],
  'qwen2 bailingmoe': [
    String.raw`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
  ],
  seedCoder: [
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  ufakzeka: [String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`],
  afmoe: [
    GROUPS_OF_THREE,
    '[一-鿿㐀-䶿豈-﫿぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-힯ᄀ-ᇿ]+',
    String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  laguna: [
    String.raw`[^\n]+|[\n]+`,
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  exaoneMoe: [
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`,
  ],
  minicpm5: [
    String.raw`\p{N}{1,3}`,
    String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
  words: [String.raw`\S+`],
  default: [
    String.raw`[\p{P}\$\+<=>\^~\|]+`,
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    String.raw`\p{N}+`,
    '[0-9][0-9][0-9]',
  ],
};

/** Members of the classes: ASCII, then the stand-in. */
const members: Readonly<Record<string, string>> = {
  N: '0-9\\xd1',
  L: 'A-Za-z\\xd2',
  P: '!-#%-*,-/:-;?-@\\[-\\]_{}\\xd3',
  M: '\\xd4',
  S: '$+<=>^`|~\\xd5',
};
const standIns: Readonly<Record<number, string>> = {
  [Category.number]: '\xd1',
  [Category.letter]: '\xd2',
  [Category.punctuation]: '\xd3',
  [Category.mark]: '\xd4',
  [Category.symbol]: '\xd5',
};

/** Spells out the classes, which std::regex does not know or reads differently. */
function compile(source: string): RegExp {
  let inSet = false;
  const spelled = source.replace(/\\p\{(\w)\w?\}|\\[sSd]|\\.|[[\]]/g, (found, category: string | undefined) => {
    const set = category ? members[category] : { '\\s': '\\t-\\r ', '\\d': '0-9' }[found];
    if (set) return inSet ? set : `[${set}]`;
    if (found === '\\S') return '[^\\t-\\r ]';
    if (found === '[' && !inSet) inSet = true;
    else if (found === ']') inSet = false;
    return found;
  });
  return new RegExp(spelled, /\\p/.test(source) ? 'g' : 'gu');
}

/** The characters as the expression sees them, one string element each. */
function view(characters: readonly string[], collapsed: boolean): string[] {
  return characters.map((character) => {
    const c = character.codePointAt(0)!;
    if (c < 0x80) return character;
    const flags = codePointFlags()[c];
    if (flags & WHITESPACE) return '\v';
    return collapsed ? (standIns[flags & CATEGORY_MASK] ?? '\xd0') : character;
  });
}

function cut(characters: string[], expression: string | symbol): string[][] {
  const pieces: string[][] = [];
  const seen = view(characters, typeof expression === 'symbol' || /\\p/.test(expression));
  const regexp = typeof expression === 'symbol' ? compile(String.raw`\p{N}+`) : compile(expression);
  /** Index of the character that begins at each UTF-16 unit. */
  const indices = seen.flatMap((character, i) => Array<number>(character.length).fill(i)).concat(seen.length);
  let done = 0;
  const add = (to: number) => {
    if (to > done) pieces.push(characters.slice(done, to));
    done = to;
  };
  for (const match of seen.join('').matchAll(regexp)) {
    const start = indices[match.index];
    const end = indices[match.index + match[0].length];
    if (typeof expression === 'symbol') for (let i = start + ((end - start) % 3 || 3); i < end; i += 3) add(i);
    else add(start);
    add(end);
  }
  add(characters.length);
  return pieces;
}

function scan(name: keyof typeof splitters, text: string): string[] {
  const bytes = utf8(text);
  const pieces: string[] = [];
  splitters[name](bytes, 0, bytes.length, (start, end) => pieces.push(fromUtf8(bytes.subarray(start, end))));
  return pieces;
}

describe.each(Object.entries(expressions))('%s', (name, list) => {
  test('cuts random texts as its expressions do', () => {
    for (let seed = 0; seed < 1500; seed++) {
      const text = randomText(seed);
      let pieces = [[...text]];
      for (const expression of list) pieces = pieces.flatMap((piece) => cut(piece, expression));
      expect(scan(name.split(' ')[0] as keyof typeof splitters, text), JSON.stringify(text)).toEqual(
        pieces.map((p) => p.join('')),
      );
    }
  });
});

test('every splitter leaves nothing out', () => {
  for (const name of Object.keys(splitters) as (keyof typeof splitters)[]) {
    for (let seed = 0; seed < 300; seed++) expect(scan(name, randomText(seed)).join('')).toBe(randomText(seed));
  }
});

test('Kimi K2 keeps Han apart from other letters', () => {
  expect(scan('kimiK2', "中文abc日本's don't 123456 ひらがな漢字\n\n x")).toEqual([
    '中文',
    'abc',
    '日本',
    "'s",
    " don't",
    ' ',
    '123',
    '456',
    ' ひらがな',
    '漢字',
    '\n\n',
    ' x',
  ]);
});

test('lines and newlines alternate', () => {
  expect(scan('lines', 'a b\n\n\tc\n')).toEqual(['a b', '\n\n', '\tc', '\n']);
});
