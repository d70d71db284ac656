/**
 * @file What a job says about its progress, from its first batch on.
 */
import { afterEach, expect, test, vi } from 'vitest';
import { embedRows } from '../../../src/cli/bulk/embed-rows.ts';
import { JobMeter } from '../../../src/cli/bulk/job-meter.ts';
import { Embedder } from '../../../src/index.ts';
import { model } from '../run.ts';

const { isTTY } = process.stderr;
afterEach(() => {
  process.stderr.isTTY = isTTY;
  vi.restoreAllMocks();
});

test('a line on a terminal counts rows of groups that are not done', async () => {
  const shown: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => shown.push(String(text)) > 0);
  process.stderr.isTTY = true;
  const meter = new JobMeter(100);
  const first = meter.begin(20);
  const second = meter.begin(20);
  first(0.25, 100);
  await new Promise((resolve) => setTimeout(resolve, 600));
  second(0.5, 200);
  expect(shown.at(-1)).toMatch(/15 % of 100 rows, \d+ tokens\/s, \d\.\d s left$/);
  meter.add({ nRows: 20, records: [], failures: [] });
  await new Promise((resolve) => setTimeout(resolve, 150));
  second(1, 400);
  expect(shown.at(-1)).toMatch(/40 % of 100 rows/);
});

const rows = Array.from({ length: 12 }, (_, index) => ({
  fields: new Map([['text', { value: 'some words '.repeat(20) }]]),
  index,
}));

test.each([undefined, { tokens: 16, overlap: 0, late: false }])(
  'a group reports its rows, chunks: %j',
  async (chunking) => {
    const embedder = await Embedder.load(model('bert-mean'), { backend: 'wasm', worker: false, nUbatch: 64 });
    const shares: number[] = [];
    const tokens: number[] = [];
    const options = {
      textField: 'text',
      prompt: undefined,
      embed: {},
      chunking,
      skips: false,
      fieldsOf: () => new Map(),
    };
    const { records } = await embedRows(embedder, rows as never, options, (share, nTokens) => {
      shares.push(share);
      tokens.push(nTokens);
    });
    await embedder.dispose();
    expect(shares.length).toBeGreaterThan(3);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect([shares.at(-1), tokens.at(-1)]).toEqual([1, records.reduce((sum, { nTokens }) => sum + nTokens, 0)]);
  },
);
