// What the server is asked in the benchmarks: texts of a given number of tokens from a seed.
const words =
  'the quick model reads a short text and returns one vector for search over many notes about rivers stars code music food law trains health and weather'.split(
    ' ',
  );
let state = 7;
const word = () => words[(state = (Math.imul(state, 1103515245) + 12345) >>> 0) % words.length];
const text = (n) => Array.from({ length: n }, word).join(' ');
const body = (input, format) => JSON.stringify({ model: 'm', input, encoding_format: format });

/** What is asked: name, bodies. Each word above is one token; two specials are added. */
export const workloads = [
  ['17 tokens', Array.from({ length: 256 }, () => body(text(15), 'float'))],
  ['17 tokens, base64', Array.from({ length: 256 }, () => body(text(15), 'base64'))],
  ['8-32 tokens', Array.from({ length: 256 }, (_, i) => body(text(6 + ((i * 7) % 25)), 'float'))],
  ['512 tokens', Array.from({ length: 16 }, () => body(text(510), 'float'))],
  [
    '64 × 17 tokens',
    Array.from({ length: 8 }, () =>
      body(
        Array.from({ length: 64 }, () => text(15)),
        'float',
      ),
    ),
  ],
];
