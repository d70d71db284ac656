/**
 * @file Random texts that hold what tokenizers stumble over.
 */
import { random } from '../random.ts';

const parts: readonly (readonly string[])[] = [
  [...'abcdeXYZstrvmlDSLRE'],
  [...'0123456789'],
  [' ', ' ', ' ', '  ', '\n', '\r', '\t', '\v', '\u00a0', '\u3000', '\u0085', '\u2028', '    '],
  [...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
  ["'s", "'S", "'ll", "'LL", "'re", "'Ve", "'t", "'d", "n't", "'m"],
  [...'éÉßñØøµªŠʼǅ'],
  [...'дЖЯёΩσςΣЂԱ'],
  [...'中文漢字丂々〇豈'],
  [...'ひらがなカタカナｱ゙'],
  [...'한글가힣ᄀㄱ'],
  [...'\u0301\u0300\u0308\u20dd\u093f\u093e\u094d'],
  [...'नमसतेกขค၁ကຫខ'],
  [...'٣٤०१½²Ⅷ①𝟘'],
  [...'。、！？：；“”‘’…—～（）「」·।۔،'],
  [...'€£¥©™∑≠→☺'],
  ['😀', '👍🏿', '🇩🇪', '👨\u200d👩\u200d👧', '✌\ufe0f'],
  ['\u0001', '\u007f', '\u200b', '\u200d', '\ufeff', '\u00ad', '\ue000', '\u0378', '\ufffd', '\u{e0001}', '\u{2fa1f}'],
  ['hello', 'Hello', 'HELLO', 'world', 'iPhone', 'éA', 'ÉÉa', 'the', 'ing', '1234567', 'x²'],
  ['<s>', '</s>', '[CLS]', '[SEP]', '[MASK]', '<|endoftext|>', '<sentinel:12>', 'IMGIMGABZ', '<0x0A>', '▁', '##'],
];

/** A text of up to about 25 pieces, mostly from a few of the groups above. */
export function randomText(seed: number): string {
  const next = random(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)];
  const groups = Array.from({ length: 1 + Math.floor(next() * 5) }, () => pick(parts));
  groups.push(parts[2], parts[0]);
  let text = '';
  for (let n = Math.floor(next() * 25); n >= 0; n--) text += pick(next() < 0.1 ? pick(parts) : pick(groups));
  return text;
}
