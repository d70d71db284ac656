/**
 * @file Files of traces: what is written is read back, what numpy and safetensors write is read, and what is damaged is refused.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arraysOf, recordOfArrays } from '../../src/audit/trace/arrays.ts';
import { readEvalCallback } from '../../src/audit/trace/eval-callback.ts';
import { jsonOf } from '../../src/audit/trace/json.ts';
import { readNpz, writeNpz } from '../../src/audit/trace/npz.ts';
import { readRecord } from '../../src/audit/trace/read-record.ts';
import { recordOf } from '../../src/audit/trace/recorded.ts';
import { readSafetensors, writeSafetensors } from '../../src/audit/trace/safetensors.ts';
import { sampleIndices } from '../../src/audit/trace/sample.ts';
import { evalCallbackText, fixture, llamaTrace, load } from './support.ts';

const embedder = await load('bert-mean');
const trace = await embedder.trace('Files of traces');
const whole = (pieces: Iterable<Uint8Array>) => new Uint8Array(Buffer.concat([...pieces]));

describe('arrays', () => {
  it.each([
    ['.npz', writeNpz, readNpz],
    [
      'safetensors',
      (arrays: Parameters<typeof writeSafetensors>[0]) => whole(writeSafetensors(arrays)),
      readSafetensors,
    ],
  ])('%s gives back what was written', (_, write, read) => {
    const arrays = arraysOf(trace);
    expect(read(write(arrays))).toEqual(arrays);
    expect(new Set(arrays.arrays.map(({ name }) => name)).size).toBe(arrays.arrays.length);
    // A buffer of Node in the middle of another one, as readFile may give.
    const file = write(arrays);
    const inside = Buffer.concat([Buffer.alloc(3), file, Buffer.alloc(5)]).subarray(3, 3 + file.length);
    expect(recordOf(trace).precision).toBe('exact');
    expect(readRecord(inside)).toEqual(recordOf(trace));
  });

  it.each([
    ['arrays.npz', readNpz],
    ['arrays.safetensors', readSafetensors],
  ])('%s of Python is read', (name, read) => {
    const arrays = read(readFileSync(fixture(`audit/${name}`)));
    const { tokens, steps } = recordOfArrays(arrays);
    expect(tokens).toEqual([101, 7592, 102]);
    const byShape = steps.toSorted((a, b) => b.shape[0] - a.shape[0]);
    expect(byShape.map(({ name, shape }) => [name, shape])).toEqual([
      ['ffn_out-0', [3, 4]],
      ['ffn_out-0', [1, 4]],
    ]);
    expect(Array.from(byShape[0].values)).toEqual(Array.from({ length: 12 }, (_, i) => i / 8));
    expect(Array.from(byShape[1].values)).toEqual([Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** -149]);
  });

  it.each(['arrays.npz', 'arrays.safetensors'])('a damaged %s is read or refused with a RecordError', (name) => {
    const file = new Uint8Array(readFileSync(fixture(`audit/${name}`)));
    let refused = 0;
    for (let at = 0; at < file.length; at += 7) {
      for (const bytes of [file.slice(0, at), file.map((byte, i) => (i === at ? byte ^ 0xff : byte))]) {
        try {
          readRecord(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: 'RecordError' });
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(file.length / 7);
  });
});

describe('JSON', () => {
  it('has the numbers of each step and gives back its samples', () => {
    const json = JSON.parse(JSON.stringify(jsonOf(trace)));
    const step = json.steps.find(({ name }: { name: string }) => name === 'ffn_out-1');
    const { values } = trace.steps.find(({ name }) => name === 'ffn_out-1')!;
    const sum = values.reduce((total, value) => total + value, 0);
    expect(step.min).toBe(Math.min(...values));
    expect(step.max).toBe(Math.max(...values));
    expect(step.mean).toBeCloseTo(sum / values.length, 6);
    expect(step.norm).toBeCloseTo(Math.hypot(...values), 4);
    expect(Float32Array.from(json.vector)).toEqual(trace.vector);
    const record = readRecord(new TextEncoder().encode(JSON.stringify(json)));
    expect(record.tokens).toEqual(trace.tokens.map(({ id }) => id));
    for (const [i, { shape, values }] of record.steps.entries()) {
      const expected = sampleIndices(shape).map((at) => trace.steps[i].values[at]);
      expect(Float32Array.from(values)).toEqual(Float32Array.from(expected));
    }
  });

  it.each([[Array(20).fill(9)], [[-1, 4]], [['2', '2']], [[3]]])('a step of the shape %j is refused', (shape) => {
    const text = JSON.stringify({ ...jsonOf(trace), steps: [{ name: 'x', shape, sample: [] }] });
    expect(() => readRecord(new TextEncoder().encode(text))).toThrow(
      expect.objectContaining({ name: 'RecordError', message: 'a step has no name, shape or sample' }),
    );
  });

  it.each(['{', '{}', '[1]', 'null', '{"format":"gguf-embed trace","tokens":[],"steps":[{}]}'])(
    '%s is refused',
    (text) => {
      expect(() => readRecord(new TextEncoder().encode(text))).toThrow(
        expect.objectContaining({ name: 'RecordError' }),
      );
    },
  );
});

describe('the output of llama-eval-callback', () => {
  it.each(['bert-mean', 'qwen3', 'gemma2'])('%s is read', (name) => {
    const llama = llamaTrace(name);
    const log = `build: 1234\nmain: n_ctx = {1}\n\x1b[0m${evalCallbackText(llama)}\x1b[0m`;
    const { madeBy, steps } = readRecord(new TextEncoder().encode(log));
    expect(madeBy).toBe('llama.cpp');
    const named = llama.steps.filter(({ name }) => !name.includes(' '));
    expect(steps.map((step) => step.name)).toEqual(named.map((step) => step.name));
    for (const [i, { values }] of steps.entries()) expect(values).toEqual(named[i].sample);
  });

  it('reads the format of older versions, and NaN', () => {
    const text = `ggml_debug:                   norm-0 = (f32)       NORM(CUDA0#inp_embd#0{4, 1, 1, 1}, }) = {4, 1, 1, 1}
                                     [
                                      [
                                       [ -0.6989,   nan, -inf, 1.0636],
                                      ],
                                     ]
                                     sum = nan
`;
    const [{ name, shape, values }] = readEvalCallback(text).steps;
    expect([name, shape, values]).toEqual(['norm-0', [4], [-0.6989, Number.NaN, Number.NEGATIVE_INFINITY, 1.0636]]);
  });

  it('refuses a sample that does not go with the sizes', () => {
    const text = evalCallbackText(llamaTrace('bert-mean')).replace('{64, 26, 1, 1}', '{64, 5, 1, 1}');
    expect(() => readEvalCallback(text)).toThrow('embd of 64,5,1 should show 30 values, not 36');
  });

  it('refuses other texts', () => {
    expect(() => readRecord(new TextEncoder().encode('hello'))).toThrow('it is not a trace');
    expect(() => readRecord(new Uint8Array())).toThrow('it is not a trace');
  });
});

it('a sample is the first and last three along each axis', () => {
  expect(sampleIndices([])).toEqual([0]);
  expect(sampleIndices([6])).toEqual([0, 1, 2, 3, 4, 5]);
  expect(sampleIndices([7])).toEqual([0, 1, 2, 4, 5, 6]);
  expect(sampleIndices([2, 10])).toEqual([0, 1, 2, 7, 8, 9, 10, 11, 12, 17, 18, 19]);
});
