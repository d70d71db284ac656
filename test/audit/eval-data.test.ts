/**
 * @file Data sets of `eval`: the forms of files, and evaluations over vectors that are known.
 */
import { describe, expect, it } from 'vitest';
import type { EmbedTexts } from '../../src/audit/eval/embed-texts.ts';
import { evaluateRetrieval, readIdentifiedText, readJudgements } from '../../src/audit/eval/retrieval.ts';
import { separatedRows } from '../../src/audit/eval/separated.ts';
import { evaluateSts, readPairs } from '../../src/audit/eval/sts.ts';

/** Texts are angles in degrees; their vectors point there. */
const angles: EmbedTexts = async (texts) => ({
  vectors: texts.map((text) => {
    const angle = (Number(text) * Math.PI) / 180;
    return Float32Array.of(Math.cos(angle), Math.sin(angle));
  }),
  nTruncated: 1,
});

describe('separated values', () => {
  it.each([
    [
      'a,b,1\nc,d,2\n',
      [
        ['a', 'b', '1'],
        ['c', 'd', '2'],
      ],
    ],
    [
      '"a, ""x""","b\nc",1\r\nd,,2',
      [
        ['a, "x"', 'b\nc', '1'],
        ['d', '', '2'],
      ],
    ],
    [
      'a\t"b\t1\n\nc\td, e\t2\n',
      [
        ['a', '"b', '1'],
        ['c', 'd, e', '2'],
      ],
    ],
    [
      'a,b\n\n,\n',
      [
        ['a', 'b'],
        ['', ''],
      ],
    ],
    ['', []],
  ])('%j', (text, rows) => {
    expect(separatedRows(text)).toEqual(rows);
  });
});

describe('pairs', () => {
  const pairs = [
    { first: 'a', second: 'b', score: 2.5 },
    { first: 'c', second: 'd', score: 5 },
  ];
  it.each([
    ['three columns', 'a,b,2.5\nc,d,5.0\n'],
    ['three columns, the score first', '2.5\ta\tb\n5\tc\td\n'],
    ['named columns', 'id,score,sentence1,sentence2\n7,2.5,a,b\n8,5,c,d\n'],
    ['other names', 'Text1\tText2\tlabel\na\tb\t2.5\nc\td\t5\n'],
    ['STSBenchmark', 'main\tf\t2012\t1\t2.5\ta\tb\nmain\tf\t2012\t2\t5.0\tc\td\n'],
    ['JSON lines', '{"sentence1":"a","sentence2":"b","score":2.5}\n\n{"text1":"c","text2":"d","label":5}\n'],
  ])('%s', (_, text) => {
    expect(readPairs(text)).toEqual(pairs);
  });

  it.each([
    ['a,b\nc,d\n', 'it has neither columns'],
    ['a,b,c\nd,e,f\n', 'it has neither columns'],
    ['a,b,1\n', 'it has 1 pairs'],
    ['', 'neither'],
    ['sentence1,sentence2,score\na,b,1\nc,d\n', 'row 3 needs two texts and a number'],
    ['{"sentence1":"a","sentence2":"b"}', 'line 1 needs two texts and a number'],
    ['{"sentence1":', 'line 1 is not JSON'],
    ['{"sentence1":"a","sentence2":"b","score":1}\nnull\n', 'line 2 needs two texts and a number'],
    ['{"sentence1":"a","sentence2":"b","score":1e999}\n', 'line 1 needs two texts and a number'],
  ])('%j is refused', (text, message) => {
    expect(() => readPairs(text)).toThrow(
      expect.objectContaining({ name: 'DataError', message: expect.stringContaining(message) }),
    );
  });

  it('correlate with their scores', async () => {
    const text = '0\t10\t5\n0\t50\t3\n10\t90\t1\n0\t80\t2\n';
    expect(await evaluateSts(readPairs(text), angles)).toMatchObject({
      task: 'sts',
      nPairs: 4,
      spearman: 0.8,
      nTruncated: 1,
    });
  });
});

describe('retrieval', () => {
  it('reads lines and judgements', () => {
    expect(readIdentifiedText('{"_id":"1","title":"T","text":"x","metadata":{}}', '')).toEqual({
      id: '1',
      text: 'T x',
    });
    expect(readIdentifiedText('{"_id":"1","text":"x"}', '')).toEqual({ id: '1', text: 'x' });
    expect(() => readIdentifiedText('{"_id":1,"text":"x"}', 'line 3')).toThrow(
      'line 3 must have the texts _id and text',
    );
    expect(() => readIdentifiedText('null', 'line 3')).toThrow('line 3 must have');
    const judgements = readJudgements('query-id\tcorpus-id\tscore\nq1\td1\t2\r\nq1\td2\t0\nq2\td1\t1\n');
    expect([...judgements].map(([q, d]) => [q, [...d]])).toEqual([
      [
        'q1',
        [
          ['d1', 2],
          ['d2', 0],
        ],
      ],
      ['q2', [['d1', 1]]],
    ]);
    expect(() => readJudgements('q1\td1\tmuch\n')).toThrow('line 1 of the judgements');
    expect(() => readJudgements('q1\td1\n')).toThrow('line 1 of the judgements');
    expect(() => readJudgements('q1\td1\t\n')).toThrow('line 1 of the judgements');
  });

  it('ranks all documents of all groups and leaves out the query itself', async () => {
    const documents = Array.from({ length: 900 }, (_, i) => ({ id: `d${i}`, text: String(((i * 7) % 900) / 10) }));
    async function* groups() {
      for (let at = 0; at < documents.length; at += 64) yield documents.slice(at, at + 64);
    }
    const nearest = (angle: number) =>
      documents.toSorted((a, b) => Math.abs(Number(a.text) - angle) - Math.abs(Number(b.text) - angle));
    const [self, best, second] = nearest(30.02);
    const queries = [
      { id: self.id, text: '30.02' },
      { id: 'unjudged', text: '1' },
      { id: 'q2', text: '70.02' },
    ];
    const judgements = new Map([
      [
        self.id,
        new Map([
          [best.id, 1],
          [second.id, 1],
        ]),
      ],
      ['q2', new Map([[nearest(70.02)[50].id, 1]])],
    ]);
    expect(await evaluateRetrieval({ queries, judgements, documents: groups() }, angles)).toEqual({
      task: 'retrieval',
      nQueries: 2,
      nDocuments: 900,
      'ndcg@10': 0.5,
      'recall@10': 0.5,
      'recall@100': 1,
      nTruncated: 16,
    });
    await expect(evaluateRetrieval({ queries, judgements: new Map(), documents: groups() }, angles)).rejects.toThrow(
      'none of the queries',
    );
  });

  it.each([
    ['queries', ['q', 'q'], ['d']],
    ['documents', ['q'], ['d', 'd']],
  ])('refuses %s of one id, as each would count', async (what, queries, documents) => {
    const texts = (ids: readonly string[]) => ids.map((id) => ({ id, text: '1' }));
    async function* groups() {
      for (const one of texts(documents)) yield [one];
    }
    const judgements = readJudgements('q\td\t1\n');
    await expect(
      evaluateRetrieval({ queries: texts(queries), judgements, documents: groups() }, angles),
    ).rejects.toThrow(`two ${what} have the _id`);
  });
});
