/**
 * @file A corpus of generated texts: most are short and few are long, as in collections of real texts, and some rows cannot be embedded.
 */
const WORDS =
  'the model reads a sentence and gives numbers that are near each other when two texts mean the same thing'.split(' ');

/** `n` rows, the same ones each time. In a thousand, one has no text, and one is longer than any context of 512 tokens. */
export function corpusOf(n) {
  let seed = 12_345;
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) / 2 ** 24;
  };
  return Array.from({ length: n }, (_, id) => {
    if (id % 1000 === 500) return { id, text: null };
    if (id % 1000 === 501) return { id, text: 'long '.repeat(2000) };
    const nWords = Math.min(200, Math.ceil(6 / (1 - random()) ** 0.7));
    const words = Array.from({ length: nWords }, () => WORDS[Math.floor(random() * WORDS.length)]);
    return { id, text: `${words.join(' ')} ${id}.` };
  });
}
