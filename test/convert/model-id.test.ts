/**
 * @file Names of models taken apart, and sizes in words.
 */
import { expect, test } from 'vitest';
import { parseModelId, sizeLabel } from '../../src/convert/model-id.ts';

const M = 1_000_000;

test.each([
  [
    'example-org/mini-bert-1M-uncased-v1.5',
    M,
    {
      name: 'Mini Bert 1M Uncased v1.5',
      organization: 'Example Org',
      basename: 'mini-bert',
      sizeLabel: '1M',
      finetune: 'uncased',
      version: 'v1.5',
    },
  ],
  ['bert-mean', M, { name: 'Bert Mean' }],
  [
    'bge-small-en-v1.5',
    33 * M,
    { name: 'Bge Small En v1.5', basename: 'bge', sizeLabel: 'small', finetune: 'en', version: 'v1.5' },
  ],
  ['Plain_questions', M, { name: 'Plain_questions' }],
  ['plain_questions', M, { name: 'Plain_Questions' }],
  ['a model of ours', M, { name: 'a model of ours' }],
  ['bloom-7b1', 7_100 * M, { name: 'Bloom 7b1', basename: 'bloom', sizeLabel: '7.1B' }],
  // A number far from the size of the model is a context length.
  ['llama-8B-32K', 8_000 * M, { name: 'Llama 8B 32K', basename: 'llama', sizeLabel: '8B', finetune: '32k' }],
  // Beside a size in numbers one in words is only a word.
  [
    'model-mini-7B-chat',
    7_000 * M,
    { name: 'Model Mini 7B Chat', basename: 'model-mini', sizeLabel: '7B', finetune: 'chat' },
  ],
  ['gpt-2-large-Q8_0', 700 * M, { name: 'Gpt 2 Large Q8_0', basename: 'gpt-2', sizeLabel: 'large' }],
] as const)('%s', (id, nParams, expected) => {
  const found = parseModelId(id, nParams);
  expect(Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))).toEqual(expected);
});

test('sizes have two digits', () => {
  expect([745_000, 996_400, 1_040_000, 33_360_000, 7_100_000_000, 43_210, 900].map(sizeLabel)).toEqual([
    '745K',
    '996K',
    '1.0M',
    '33M',
    '7.1B',
    '43K',
    '0.9K',
  ]);
});
