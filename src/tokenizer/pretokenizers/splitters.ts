/**
 * @file The pre-tokenizers of all supported models, composed of rules.
 */

import { chameleonCodes } from './chameleon.ts';
import { anyOf, inRanges, many, ofClass, one, type Test, withOptional } from './classes.ts';
import { deepseekCoder, deepseekLlm } from './deepseek.ts';
import { beforeGroupsOfThree, groupsOfThree, numbers, threeDigits } from './digits.ts';
import { gpt2 } from './gpt2.ts';
import {
  chain,
  LETTER,
  MARK,
  type Match,
  NEWLINE,
  NUMBER,
  OTHER,
  PUNCTUATION,
  SPACE,
  SYMBOL,
  scanner,
} from './scanner.ts';
import { powersOfTwo } from './spaces.ts';
import { asciiMarkedWord, casedWords, lettersAndMarks, phrases, wordScanner } from './words.ts';

const asciiSymbolOrPunctuation: Test = (c, kind) => (kind & PUNCTUATION) !== 0 || (c < 0x80 && (kind & SYMBOL) !== 0);
const number = scanner(one(ofClass(NUMBER)));
const upToThree = scanner(numbers(3));

const llama3 = wordScanner();
const qwen2 = wordScanner({ digits: 1 });
const starcoder = chain(number, gpt2);
const gpt4o = wordScanner({ contractions: 'suffix', words: casedWords(LETTER), tail: 'newlines and slashes' });
/** `[^\n]+|[\n]+` */
const lines = scanner((bytes, pos, end) => {
  const newline = bytes[pos] === 0x0a;
  while (pos < end && (bytes[pos] === 0x0a) === newline) pos++;
  return pos;
});

/** ` ?[^(\s|.,!?…。，、।۔،)]+` */
const poro = scanner(
  withOptional(
    (c) => c === 0x20,
    many((c, kind) => (kind & SPACE) === 0 && !'(|.,!?…。，、।۔،)'.includes(String.fromCodePoint(c))),
  ),
);

const kanaAndHan: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fa5],
  [0x3040, 0x30ff],
];

const deepseekWords = {
  contractions: 'none',
  first: asciiMarkedWord,
  words: [lettersAndMarks],
  notBefore: NEWLINE | LETTER | PUNCTUATION | SYMBOL,
  digits: 0,
  others: PUNCTUATION | SYMBOL,
} as const;
const deepseek3 = chain(upToThree, scanner(many(inRanges(kanaAndHan))), wordScanner(deepseekWords));

/** Scripts without spaces between words, as AFMoE lists them. */
const unspaced = inRanges([
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x8c48, 0xfaff],
  [0x3040, 0x30ff],
  [0xff65, 0xff9f],
  [0x2f00, 0x2fdf],
  [0x0e40, 0x0eff],
  [0x1780, 0x17ff],
  [0x1000, 0x109f],
  [0xaa60, 0xaa7f],
  [0xa9e0, 0xa9ff],
  [0xac00, 0xd7af],
  [0x1100, 0x11ff],
]);

const youtuRuns = anyOf(
  many(
    inRanges([
      [0xac00, 0xd7a3],
      [0x3131, 0x318e],
    ]),
  ),
  many(
    inRanges([
      ...[0xff01, 0x2026, 0x201c, 0x201d, 0x2018, 0x2019, 0x2014, 0xff1a, 0xff1b, 0xff0c].map((c) => [c, c] as const),
      [0x3001, 0x303f],
      [0xfe30, 0xfe4f],
    ]),
  ),
  many(inRanges([[0x3105, 0x312f]])),
  many(inRanges(kanaAndHan)),
);

/** Words of letters and marks with a contraction at the end: the effect of the cased expressions of Youtu and Tiny Aya. */
const contractedWords = { contractions: 'suffix', words: [lettersAndMarks], tail: 'newlines and slashes' } as const;

const isHan = inRanges([
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b820, 0x2ceaf],
  [0x2ceb0, 0x2ebef],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
]);
const kimiWord: Match = many((c, kind) => (kind & LETTER) !== 0 && !isHan(c, kind));

/** Each is named after the first model that used it. */
export const splitters = {
  default: chain(
    scanner(many((c, kind) => asciiSymbolOrPunctuation(c, kind) && c !== 0x60)),
    gpt2,
    scanner(numbers(Infinity)),
    threeDigits,
  ),
  gpt2,
  llama3,
  qwen2,
  starcoder,
  deepseekLlm,
  deepseekCoder,
  deepseek3,
  gpt4o,
  poro,
  lines,
  /** `\S+` */
  words: scanner(many((_, kind) => (kind & SPACE) === 0)),
  minicpm5: chain(upToThree, wordScanner({ digits: Infinity })),
  spark: chain(
    upToThree,
    scanner(many(inRanges(kanaAndHan))),
    wordScanner({ ...deepseekWords, tail: 'none', newlines: 'single' }),
    number,
  ),
  youtu: chain(scanner(youtuRuns), wordScanner({ ...contractedWords, digits: 1 })),
  falcon: chain(scanner(many(asciiSymbolOrPunctuation)), gpt2, threeDigits),
  jais2: chain(llama3, powersOfTwo),
  qwen35: wordScanner({ digits: 1, words: [lettersAndMarks], others: PUNCTUATION | SYMBOL | OTHER }),
  viking: chain(poro, number),
  tekken: wordScanner({ contractions: 'none', words: casedWords(LETTER), digits: 1, tail: 'newlines and slashes' }),
  chameleon: chain(chameleonCodes, number, scanner(one(asciiSymbolOrPunctuation)), gpt2),
  graniteMulti: wordScanner({
    contractions: 'suffix',
    words: casedWords(LETTER | MARK),
    tail: 'newlines and slashes',
  }),
  tinyAya: chain(groupsOfThree, wordScanner(contractedWords)),
  kimiK2: wordScanner({ first: many(isHan), contractions: 'suffix', words: [kimiWord] }),
  superbpe: chain(scanner(numbers(Infinity)), beforeGroupsOfThree),
  seedCoder: wordScanner({ digits: 1, tail: 'none' }),
  ufakzeka: wordScanner({ digits: 1, contractions: 'none' }),
  afmoe: chain(groupsOfThree, scanner(many(unspaced)), wordScanner(deepseekWords)),
  laguna: chain(lines, qwen2),
  exaoneMoe: wordScanner({ digits: 1, words: [phrases], tail: 'newline or slash' }),
} as const;
