import { describe, expect, it } from 'vitest';
import { formatEmbeddings } from '../../src/cli/output/embed-formats.ts';
import type { Embeddings } from '../../src/engine/index.ts';
import type { Pooling } from '../../src/models/index.ts';

function embeddings(vectors: number[][], dimensions: number, pooling: Pooling = 'mean'): Embeddings {
  return {
    vectors: vectors.map((vector) => Float32Array.from(vector)),
    dimensions,
    nTokens: vectors.map(() => 1),
    nImageTokens: vectors.map(() => 0),
    truncated: vectors.map(() => false),
    pooling,
  };
}

type Format = '' | 'default' | 'array' | 'json' | 'json+' | 'raw';

const print = (
  embdOutputFormat: Format,
  result: Embeddings,
  { texts = result.vectors.map((_, i) => `text ${i}`), labels = [] as string[], embdNormalize = 2 } = {},
) => formatEmbeddings(texts, result, labels, { embdOutputFormat, embdNormalize });

describe('formatEmbeddings prints as llama-embedding', () => {
  const two = embeddings(
    [
      [0.6, -0.8],
      [1, 0],
    ],
    2,
  );

  it('array', () => {
    expect(print('array', two)).toBe('[[0.6000000,-0.8000000],[1.0000000,0.0000000]]\n\n');
  });

  it('raw', () => {
    expect(print('raw', two)).toBe('0.6000000 -0.8000000\n1.0000000 0.0000000\n\n');
  });

  it('json', () => {
    expect(print('json', embeddings([[0.5, 0.25]], 2))).toBe(`{
  "object": "list",
  "data": [
    {
      "object": "embedding",
      "index": 0,
      "embedding": [0.5000000,0.2500000]
    }
  ]
}

`);
  });

  it('json+ adds similarities when there are several', () => {
    expect(print('json+', two)).toContain(`  ],
  "cosineSimilarity": [
    [  1.00,   0.60 ],
    [  0.60,   1.00 ]
  ]
}
`);
    const one = embeddings([[1, 0]], 2);
    expect(print('json+', one)).toBe(print('json', one));
    expect(() => JSON.parse(print('json+', two))).not.toThrow();
  });

  it('for people: one vector whole, several by their first 16 values and a matrix', () => {
    expect(print('', embeddings([[0.5, -1]], 2))).toBe('\nembedding 0:  0.500000 -1.000000 \n\n');
    const wide = embeddings([Array(20).fill(0.5), Array(20).fill(-0.5)], 20);
    const text = print('default', wide, { texts: ['a long first text', 'ü'] });
    const lines = text.split('\n');
    expect(lines[1]).toBe(`embedding 0: ${' 0.500000 '.repeat(16)}`);
    expect(lines.slice(3)).toEqual([
      '',
      'cosine similarity matrix:',
      '',
      'a long      ü ',
      '  1.00  -1.00 a long fir',
      ' -1.00   1.00 ü',
      '',
      '',
    ]);
  });

  it('for people, normalize 0: integers, halves to even', () => {
    const result = embeddings([[32760, -0.5, 2.5, 1.5]], 4);
    expect(print('', result, { embdNormalize: 0 })).toBe('\nembedding 0:  32760     -0      2      2 \n\n');
    expect(print('array', result, { embdNormalize: 0 })).toBe('[[32760,-0,2,2]]\n\n');
  });

  it('rounds as C does: exact halves to even, signed zeros', () => {
    expect(print('', embeddings([[0.0078125, -1e-9]], 2))).toBe('\nembedding 0:  0.007812 -0.000000 \n\n');
    expect(print('raw', embeddings([[1e22, -0]], 2))).toBe('9999999778196308361216.0000000 -0.0000000\n\n');
  });

  it('pooling none: first and last three values of every token', () => {
    const result = embeddings([[1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8]], 8, 'none');
    expect(print('', result)).toBe(`
embedding 0:  1.000000  2.000000  3.000000  ...  6.000000  7.000000  8.000000 
embedding 1: -1.000000 -2.000000 -3.000000  ... -6.000000 -7.000000 -8.000000 

`);
    expect(print('raw', result).split('\n')).toHaveLength(4);
  });

  it('pooling rank: scores, with labels when there are several', () => {
    expect(print('', embeddings([[0.25], [-2]], 1, 'rank'))).toBe(
      '\nrerank score 0:    0.250\nrerank score 1:   -2.000\n\n',
    );
    expect(print('', embeddings([[0.25, 0.75]], 2, 'rank'), { labels: ['yes', 'no'] })).toBe(
      '\nrerank score 0:    0.250 [yes]\nrerank score 0:    0.750 [no]\n\n',
    );
  });

  it('cosine of two zero vectors is 1, of one 0', () => {
    const zeros = embeddings(
      [
        [0, 0],
        [0, 0],
        [1, 0],
      ],
      2,
    );
    expect(print('json+', zeros)).toContain('[  1.00,   1.00,   0.00 ]');
  });
});
