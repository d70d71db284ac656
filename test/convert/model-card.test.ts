/**
 * @file The YAML of model cards.
 */
import { expect, test } from 'vitest';
import { readFrontMatter } from '../../src/convert/checkout/model-card.ts';

const read = async (...lines: string[]) => Object.fromEntries(await readFrontMatter(lines.join('\n')));

test('texts, lists and what is left out', async () => {
  const card = await read(
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
])('%s', async (_, lines) => {
  expect(await read(...lines)).toEqual({});
});

test('what YAML allows beyond one line a value', async () => {
  const card = await read(
    '---',
    'tags: [one, # a remark',
    '  "two, still two",',
    "  'it''s three']",
    'license: "mit" # free',
    'title: "tab\\tand \\u00e9 and \\"quotes\\""',
    'folded: >-2',
    '    two',
    '    lines',
    'literal: |+',
    '  kept',
    '',
    'base_model: &base a/b',
    'model_name: *base',
    'language: {not: a text}',
    'version: 1.0',
    'plain: two',
    '  lines',
    '---',
  );
  expect(card).toEqual({
    tags: ['one', 'two, still two', "it's three"],
    license: 'mit',
    title: 'tab\tand é and "quotes"',
    folded: '  two\n  lines',
    literal: 'kept\n\n',
    base_model: 'a/b',
    model_name: 'a/b',
    version: '1.0',
    plain: 'two lines',
  });
});

test.each([
  ['a quote without end', ['license: "mit', 'tags: x'], /^README\.md: line \d+: the front matter is not valid YAML/],
  ['an alias without anchor', ['license: *none'], /line 2: the alias \*none has no anchor/],
  ['a list that ends nowhere', ['tags: [a, b'], /not valid YAML/],
])('refuses %s', async (_, lines, message) => {
  await expect(read('---', ...lines, '---')).rejects.toThrow(message);
});

test.each([
  ['lists in brackets', '['],
  ['mappings in braces', '{a: '],
  ['lists by indentation', '- '],
  ['keys by indentation', '? '],
])('refuses %s that no stack holds', async (_, level) => {
  for (const end of ['', 'x']) {
    const card = read('---', 'license: mit', 'tags:', `  ${level.repeat(20_000)}${end}`, '---');
    await expect(card).rejects.toThrow(/^README\.md: line 4: the front matter is nested too deeply$/);
  }
  const lines = Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}k:`);
  await expect(read('---', ...lines, '---')).rejects.toThrow(
    /^README\.md: line 203: the front matter is nested too deeply$/,
  );
});

test('long lines are not deep', async () => {
  const wide = ' '.repeat(300);
  const card = await read(
    '---',
    `license: ${'mit [{ '.repeat(300)}`,
    `${wide}# a remark`,
    `model_name: "${'[{'.repeat(300)}"`,
    `tags: [a,`,
    `${wide}b]`,
    'version: >',
    `${wide}1`,
    '---',
  );
  expect(card).toMatchObject({ model_name: '[{'.repeat(300), tags: ['a', 'b'] });
});

test('aliases do not multiply a text without limit', async () => {
  const levels = ['a0: &a0 ' + 'x'.repeat(1000)];
  for (let i = 0; i < 12; i++) levels.push(`a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}*a${i}]`);
  const started = performance.now();
  await read('---', ...levels, '---');
  expect(performance.now() - started).toBeLessThan(2000);
  const wide = ['big: &big ' + 'x'.repeat(100_000), `all: [${'*big, '.repeat(100)}*big]`];
  await expect(read('---', ...wide, '---')).rejects.toThrow(/more than \d+ characters/);
});
