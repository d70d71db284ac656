/**
 * @file Comparing traces: with llama.cpp's numbers, with other backends, and the first step that is wrong.
 */
import { describe, expect, it } from 'vitest';
import { defaultTolerance } from '../../src/audit/trace/cause.ts';
import { compareTraces } from '../../src/audit/trace/compare.ts';
import { readEvalCallback } from '../../src/audit/trace/eval-callback.ts';
import { formatComparison, formatTrace } from '../../src/audit/trace/format.ts';
import { type RecordedTrace, recordOf } from '../../src/audit/trace/recorded.ts';
import type { Trace } from '../../src/engine/index.ts';
import { evalCallbackText, llamaTrace, load } from './support.ts';

/** `record` with the values of its last step called `name` changed. */
function changed(record: RecordedTrace, name: string, change: (value: number, index: number) => number): RecordedTrace {
  const at = record.steps.findLastIndex((step) => step.name === name);
  const values = Float32Array.from(record.steps[at].values, change);
  return { ...record, steps: record.steps.with(at, { ...record.steps[at], values }) };
}

/** The steps of a record with all values, as a trace has them. */
function stepsOf({ steps }: RecordedTrace): Trace['steps'] {
  return steps.map(({ name, shape: [rows, cols], values }) => ({ name, rows, cols, values: values as Float32Array }));
}

async function traceOf(name: string, input: string | number[], options?: Parameters<typeof load>[1]): Promise<Trace> {
  const embedder = await load(name, options);
  try {
    return await embedder.trace(input);
  } finally {
    await embedder.dispose();
  }
}

describe('with llama.cpp', () => {
  it.each(['bert-mean', 'modern-bert', 'qwen3', 'nomic-bert-moe', 't5encoder'])('%s agrees', async (name) => {
    const llama = llamaTrace(name);
    const trace = await traceOf(name, llama.tokens);
    const { steps, first, otherShape } = compareTraces(trace, readEvalCallback(evalCallbackText(llama)), 0.01);
    expect(first).toBeUndefined();
    expect(otherShape).toEqual([]);
    expect(steps.length).toBeGreaterThan(20);
  });

  it('names a scale that the two apply in different steps', async () => {
    const llama = llamaTrace('gemma3');
    const trace = await traceOf('gemma3', llama.tokens);
    const { steps, first, cause } = compareTraces(trace, readEvalCallback(evalCallbackText(llama)), 0.01);
    expect(first?.name).toBe('kq-0');
    expect(cause).toMatch(/^the values differ by a factor of 0\.\d+: /);
    expect(steps.filter(({ differs }) => differs).every(({ name }) => name.startsWith('kq-'))).toBe(true);
  });

  it('names the table of GELU as the cause of the first difference beyond float32', async () => {
    const llama = llamaTrace('bert-mean');
    const trace = await traceOf('bert-mean', llama.tokens);
    const record = readEvalCallback(evalCallbackText(llama));
    const isGelu = (name: string) => name.startsWith('ffn_gelu');
    const { first, cause } = compareTraces(
      trace,
      { ...record, steps: record.steps.filter(({ name }) => isGelu(name)), rounding: 0 },
      1e-5,
    );
    expect(first?.name).toBe('ffn_gelu-0');
    expect(cause).toContain('GELU up in a table');
  });
});

describe('with another backend', () => {
  it.each(['bert-mean', 'modern-bert', 'gemma2', 'nomic-bert-moe'])('%s agrees at exact precision', async (name) => {
    const here = await traceOf(name, 'One text for two backends');
    const there = recordOf(await traceOf(name, 'One text for two backends', { backend: 'wasm', precision: 'exact' }));
    expect(defaultTolerance(here, there)).toBe(1e-4);
    const { steps, first, onlyThere, otherShape } = compareTraces(here, there, 1e-4);
    expect([first, onlyThere, otherShape]).toEqual([undefined, [], []]);
    expect(steps.at(-1)?.name).toBe('result_embd_pooled');
  });
});

describe('what is wrong', () => {
  it('is found at the first step that differs, by name, size and row', async () => {
    const trace = await traceOf('bert-mean', 'The first that differs');
    const wrong = changed(recordOf(trace), 'Kcur-1', (value, i) => (i === 70 ? value + 1 : value));
    const later = changed(wrong, 'ffn_out-2', (value) => value * 1.5);
    const { first, cause, steps } = compareTraces(trace, later, 1e-4);
    expect(first).toMatchObject({ name: 'Kcur-1', rows: [1] });
    expect(first?.largest).toBeCloseTo(1, 5);
    expect(cause).toBeUndefined();
    expect(steps.filter(({ differs }) => differs).map(({ name }) => name)).toEqual(['Kcur-1', 'ffn_out-2']);
  });

  it('NaN differs from a number, but not from NaN', async () => {
    const trace = await traceOf('bert-mean', 'NaN');
    const record = changed(recordOf(trace), 'ffn_out-0', () => Number.NaN);
    expect(compareTraces(trace, record, 1)).toMatchObject({
      first: { name: 'ffn_out-0', largest: Number.NaN, differs: true },
      cause: expect.stringContaining('not a number'),
    });
    const steps = stepsOf(record);
    const both = compareTraces({ ...trace, steps }, record, 0);
    expect([both.first, both.steps.length]).toEqual([undefined, steps.length]);
  });

  it.each([Number.NaN, Number.NEGATIVE_INFINITY])('is found beside %d that both sides have', async (damaged) => {
    const trace = await traceOf('bert-mean', 'A damaged weight');
    const both = changed(recordOf(trace), 'ffn_out-0', (value, i) => (i === 5 ? damaged : value));
    const steps = stepsOf(both);
    const find = (record: RecordedTrace) => compareTraces({ ...trace, steps }, record, 1e-4).first;
    expect(find(both)).toBeUndefined();
    const first = find(changed(both, 'ffn_out-0', (value, i) => (i === 70 ? value + 1 : value)));
    expect(first).toMatchObject({ name: 'ffn_out-0', rows: [1] });
    expect(first!.cosine).toBeGreaterThan(0.9);
    expect(first!.cosine).toBeLessThan(1);
    const other = compareTraces({ ...trace, steps }, recordOf(trace), 1e-4);
    expect(other.first).toMatchObject({ name: 'ffn_out-0', rows: [0] });
    expect(other.cause).toContain('infinite or not a number');
  });

  it('an expert that flips for one token is named', async () => {
    const trace = await traceOf('nomic-bert-moe', 'Two experts are almost equally good here');
    const name = trace.steps.find((step) => step.name.startsWith('ffn_moe_out'))!.name;
    const record = changed(recordOf(trace), name, (value, i) => (Math.floor(i / 64) === 3 ? -value : value));
    const { first, cause } = compareTraces(trace, record, 1e-4);
    expect(first).toMatchObject({ name, rows: [3] });
    expect(cause).toBe('only the tokens 3 differ: another expert was chosen for them, most likely on a near tie');
  });

  it('a product that rounds to 8 bits, 16-bit keys and small errors that add up are named', async () => {
    const trace = await traceOf('bert-mean', 'Known causes');
    const noise = (size: number) => (value: number, i: number) => value * (1 + size * Math.sin(i));
    const cause = (record: RecordedTrace) => compareTraces(trace, record, 1e-4).cause;
    const record = recordOf(trace);
    const fast = { ...record, precision: 'fast' };
    expect(cause(changed(fast, 'Qcur-0', noise(0.005)))).toContain('8 bits');
    expect(cause(changed(record, 'Qcur-0', noise(0.005)))).toBeUndefined();
    expect(cause(changed({ ...record, madeBy: 'llama.cpp' }, 'kqv_out-1', noise(0.002)))).toContain('16-bit floats');
    const before = trace.steps[trace.steps.findLastIndex(({ name }) => name === 'ffn_out-1') - 1].name;
    const growing = changed(changed(record, before, noise(8e-5)), 'ffn_out-1', noise(2e-4));
    expect(cause(growing)).toContain('add up');
  });

  it('traces of other tokens are not compared', async () => {
    const trace = await traceOf('bert-mean', 'one');
    const other = recordOf(await traceOf('bert-mean', 'two'));
    expect(() => compareTraces(trace, other, 1)).toThrow(/^the other trace has the tokens \[.*\], this one the tokens/);
  });
});

it('tables say what was compared and what is wrong', async () => {
  const trace = await traceOf('bert-mean', 'A table');
  const lines = formatTrace(trace).split('\n');
  expect(lines[1]).toMatch(/^\d tokens: 101 "\[CLS\]"/);
  const embd = lines.find((line) => line.startsWith('embd '))!;
  expect(embd).toMatch(/^embd +\[\d, 64\]( +-?[\d.e-]+){4}( +-?[\d.e-]+){3} …$/);
  const wrong = changed(recordOf(trace), 'Kcur-1', (value) => value + 1);
  const record = { ...wrong, steps: [...wrong.steps.slice(1), { ...wrong.steps[0], name: 'other\x1b' }] };
  const text = formatComparison(compareTraces(trace, record, 1e-4), 'a file', 1e-4);
  expect(text).toMatch(
    /^1 of \d+ tensors differ from a file by more than 0\.0001 of their largest value\nfirst difference: Kcur-1 \[/,
  );
  expect(text).toMatch(/^! Kcur-1 /m);
  expect(text).toContain('only here: embd\nonly in a file: other\\u001b\n');
});

it('names the layers of a tensor together', () => {
  const comparison = {
    steps: [],
    first: undefined,
    cause: undefined,
    otherShape: [],
    onlyHere: ['kq-0', 'norm', 'kq-1', 'kq-2', 'kq-1', 'up-3', 'up-5', 'down-7'],
    onlyThere: [],
  };
  expect(formatComparison(comparison, 'a file', 1)).toContain('\nonly here: kq-0…2, norm, up-3/5, down-7\n');
});
