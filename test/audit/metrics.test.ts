/**
 * @file The measures of `eval` give scipy's and trec_eval's answers (recorded by test/fixtures/make/metrics.py).
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ndcg, pearson, recall, spearman } from '../../src/audit/eval/metrics.ts';
import { fixture } from './support.ts';

const recorded: {
  correlations: { a: number[]; b: number[]; spearman: number; pearson: number }[];
  retrieval: {
    qrels: Record<string, Record<string, number>>;
    run: Record<string, Record<string, number>>;
    answers: Record<string, Record<'ndcg@10' | 'recall@10' | 'recall@100', number>>;
  };
} = JSON.parse(readFileSync(fixture('audit/metrics.json'), 'utf8'));

it.each(recorded.correlations)('correlations %#', ({ a, b, ...expected }) => {
  expect(spearman(a, b)).toBeCloseTo(expected.spearman, 12);
  expect(pearson(a, b)).toBeCloseTo(expected.pearson, 12);
});

it('a constant has no correlation', () => {
  expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
  expect(pearson([0.1, 0.1, 0.1], [1, 2, 4])).toBeNaN();
  expect(pearson([0.2, 0.7, 0.9], [0.1, 0.1, 0.1])).toBeNaN();
});

const { qrels, run, answers } = recorded.retrieval;
it.each(Object.keys(answers))('nDCG and recall of %s', (query) => {
  const scores = Object.entries(run[query]);
  const ranking = scores.sort(([, a], [, b]) => b - a).map(([id]) => id);
  const relevant = new Map(Object.entries(qrels[query]));
  expect(ndcg(ranking, relevant, 10)).toBeCloseTo(answers[query]['ndcg@10'], 12);
  expect(recall(ranking, relevant, 10)).toBeCloseTo(answers[query]['recall@10'], 12);
  expect(recall(ranking, relevant, 100)).toBeCloseTo(answers[query]['recall@100'], 12);
});

it('a query without relevant documents counts as 0', () => {
  expect(ndcg(['a'], new Map([['a', 0]]), 10)).toBe(0);
  expect(recall(['a'], new Map(), 10)).toBe(0);
});
