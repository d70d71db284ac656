/**
 * @file The YAML of model cards.
 */
import { expect, test } from 'vitest';
import { readFrontMatter } from '../../src/convert/checkout/model-card.ts';

const read = (...lines: string[]) => Object.fromEntries(readFrontMatter(lines.join('\n')));

test('texts, lists and what is left out', () => {
  const card = read(
    '---',
    'license: apache-2.0 # free',
    'pipeline_tag: "sentence-similarity"',
    "model_name: 'it''s'",
    'tags:',
    '- sentence-transformers',
    '  # a remark',
    '- no',
    'datasets: [a/b, "c, d"]',
    'language:',
    '\t- en',
    '\t- "de"',
    'description: >-',
    '  two',
    '  lines',
    'model-index:',
    '- name: x',
    '  results:',
    '  - task:',
    '      type: y',
    'empty:',
    'nothing: null',
    '---',
    'title: not part of it',
  );
  expect(card).toEqual({
    license: 'apache-2.0',
    pipeline_tag: 'sentence-similarity',
    model_name: "it's",
    tags: ['sentence-transformers', 'no'],
    datasets: ['a/b', 'c, d'],
    language: ['en', 'de'],
    description: 'two lines',
  });
});

test.each([
  ['no front matter', ['# Title', 'license: x']],
  ['no end', ['---', 'license: x']],
  ['nothing', ['']],
])('%s', (_, lines) => {
  expect(read(...lines)).toEqual({});
});
