/**
 * @file The numbers of `parity` about answers that are known.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exactProgram, ownAnswers, ownPrograms } from '../../src/audit/parity/ours.ts';
import { markdownTable, parityRow } from '../../src/audit/parity/rows.ts';
import { editedBytes } from '../models/edit.ts';

const program = { program: 'a|b', precision: 'high', threads: 2 };
const exact = {
  vectors: [
    [1, 0],
    [0, 2],
    [3, 3],
  ].map((values) => Float32Array.from(values)),
  tokens: [[1], [2, 3], [4]],
};

it('the same answers are at no distance, whatever their length', () => {
  const doubled = { vectors: exact.vectors.map((vector) => vector.map((value) => 2 * value)), tokens: exact.tokens };
  expect(parityRow(program, doubled, exact, doubled)).toEqual({
    ...program,
    distance: expect.closeTo(0, 15),
    largest: expect.closeTo(0, 15),
    rankCorrelation: expect.closeTo(1, 15),
    nOtherTokens: 0,
    sameBits: true,
  });
  expect(parityRow(program, doubled, exact, exact).sameBits).toBe(false);
});

it('the worst text, the largest value, the order of pairs and other tokens count', () => {
  const turned = {
    vectors: [
      [1, 0],
      [0.6, 0.8],
      [1, 1],
    ].map((values) => Float32Array.from(values)),
    tokens: [[1], [2], [5]],
  };
  const row = parityRow(program, turned, exact, turned);
  expect(row.distance).toBeCloseTo(0.2, 6);
  expect(row.largest).toBeCloseTo(0.6, 6);
  expect(row.rankCorrelation).toBeLessThan(1);
  expect(row.nOtherTokens).toBe(2);
  const [, , line] = markdownTable([row]).split('\n');
  expect(line).toMatch(/^\| a\\\|b \| high \| 2 \| 2\.0e-1 \| 6\.0e-1 \| [\d.]+ \| 2 \|$/);
});

it('every backend, precision and number of threads is compared', () => {
  const names = ownPrograms(4).map(({ program, precision, threads }) => `${program} ${precision} ${threads}`);
  for (const precision of ['exact', 'high', 'fast']) {
    for (const threads of [1, 2, 4]) expect(names).toContain(`wasm ${precision} ${threads}`);
    expect(names).toContain(`webgpu ${precision} undefined`);
  }
  expect(names).toHaveLength(12);
});

it('a program whose vectors are no numbers is named with the reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parity-'));
  const path = join(folder, 'nan.gguf');
  writeFileSync(
    path,
    await editedBytes('bert-mean', ({ floats, setFloats }) => {
      const bias = floats('blk.0.ffn_down.bias');
      setFloats('blk.0.ffn_down.bias', [bias.length], bias.fill(Number.NaN, 0, 1));
    }),
  );
  const answers = await ownAnswers(path, exactProgram, ['a text']);
  rmSync(folder, { recursive: true });
  expect(answers).toMatch(/^reference at exact, since the result of an input of \d+ tokens has values that are NaN/);
});
