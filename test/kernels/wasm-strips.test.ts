/** @file Feed-forward layers in strips of rows: which steps, that their memory is free, and that bits are those of whole batches. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { GraphTensor } from '../../src/kernels/graph/tensor.ts';
import { i16 } from '../../src/kernels/wasm/forms/i16.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { KernelMemory } from '../../src/kernels/wasm/memory.ts';
import { plan } from '../../src/kernels/wasm/plan.ts';
import { leading, type WasmStep } from '../../src/kernels/wasm/steps.ts';
import { countStrips, paddedRows, stripColumns, stripsOf } from '../../src/kernels/wasm/strips.ts';
import { WasmWeight } from '../../src/kernels/wasm/weights.ts';
import { normal } from '../random.ts';
import { batchOf, load, type Sources, source } from './graphs.ts';

const memory = new KernelMemory(new WebAssembly.Memory({ initial: 1 }));
const from = { name: 'w', type: ggmlTypes.F32, shape: [32, 32], byteLength: 4096, read: async () => {} };
const weight = new WasmWeight(from, 'matrix', i16, false, memory, undefined);
const tensor = (cols = 32) => new GraphTensor(64, cols, 'tokens');
const rows = (...inputs: GraphTensor[]): WasmStep => ({ op: 'add', inputs, out: tensor() });
const product = (...inputs: GraphTensor[]): WasmStep => ({ op: 'linear', parts: [{ weight }], inputs, out: tensor() });
const wide = (...inputs: GraphTensor[]): WasmStep => ({ ...product(...inputs), out: tensor(256) });
const gate = (...inputs: GraphTensor[]): WasmStep => ({ op: 'glu', activation: 'silu', inputs, out: tensor(256) });

describe('a run of steps', () => {
  it('goes from product to product through what nobody else reads', () => {
    const x = rows();
    const up = wide(x.out);
    const down = product(up.out, x.out);
    const [gates, ups] = [wide(down.out), wide(down.out)];
    const gated = gate(gates.out, ups.out);
    const last = product(gated.out);
    const todo = [x, up, down, gates, ups, gated, last, rows(last.out, down.out)];
    const { runs, between } = stripsOf(todo, todo[7].out, 2);
    expect([...runs]).toEqual([
      [1, 3],
      [4, 7],
    ]);
    expect([...between]).toEqual([up.out, ups.out, gated.out]);
    expect(stripsOf(todo, todo[7].out, 1).runs.size).toBe(0);
  });

  it('ends before what is read again, what is wanted, and rows of sequences', () => {
    const x = rows();
    const up = wide(x.out);
    const down = product(up.out);
    expect(stripsOf([x, up, down, rows(down.out, up.out)], tensor(), 2).runs.size).toBe(0);
    expect(stripsOf([x, up, down], up.out, 2).runs.size).toBe(0);
    const pooled: WasmStep = { op: 'pool', kind: 'mean', inputs: [up.out], out: new GraphTensor(3, 32, 'sequences') };
    const head: WasmStep = { ...product(pooled.out), out: new GraphTensor(3, 32, 'sequences') };
    expect(stripsOf([x, up, pooled, head], head.out, 2).runs.size).toBe(0);
  });
});

describe('memory', () => {
  it('has room for the rows of a strip', () => {
    for (const count of [1, 2, 4, 8]) {
      for (const n of [1, 3, 63, 128, 1000, 1001]) {
        const padded = paddedRows(n, count);
        expect(padded).toBeGreaterThanOrEqual(n);
        for (const cols of [16, 1552, 6160]) {
          expect((padded / count) * cols).toBeLessThanOrEqual(padded * stripColumns(cols, count));
        }
      }
    }
    expect([100, 255, 256, 511, 512, 1e6].map(countStrips)).toEqual([1, 1, 2, 2, 4, 8]);
  });

  it('of a feed-forward layer shrinks with the number of strips', () => {
    const steps = [rows()];
    for (let i = 0; i < 3; i++) {
      const up = wide(steps[steps.length - 1].out);
      steps.push(up, product(up.out, steps[steps.length - 1].out));
    }
    const width = (nStrips: number) => plan(steps, steps[6].out, 4, false, 'alone', nStrips).layout.tokenWidth;
    // Rows of 272 floats, so that they do not compete for cache sets; a strip takes a multiple of 16.
    expect([1, 2, 4].map((n) => width(n) - 64)).toEqual([272, 144, 80]);
    expect(plan(steps, steps[6].out, 4, false, 'columns', 4).strips.count).toBe(1);
  });

  it('is not written while this strip or the next still reads it', () => {
    const graphs = fc.array(
      fc.record({
        make: fc.constantFrom(rows, product, wide, gate),
        from: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }),
      }),
      { minLength: 5, maxLength: 40 },
    );
    const ran = { count: 0 };
    fc.assert(
      fc.property(graphs, (list) => {
        const steps = [rows()];
        for (const { make, from: inputs } of list) {
          const recent = steps.slice(-6);
          steps.push(make(...new Set(inputs.map((i) => recent[Math.max(0, recent.length - 1 - i)].out))));
        }
        const { todo, layout, strips } = plan(steps, steps[steps.length - 1].out, 4, false, 'alone', 4);
        const width = (x: GraphTensor) => (strips.between.has(x) ? stripColumns(leading(x), 4) : leading(x));
        ran.count += strips.runs.size;
        todo.forEach(({ out }, j) => {
          const [begin] = [...strips.runs].find(([first, end]) => first <= j && j < end) ?? [j];
          const needed = new Set(todo.slice(begin).flatMap(({ inputs }) => inputs.map(({ base }) => base)));
          for (const { out: other } of todo.slice(0, j).filter(({ out: made }) => needed.has(made))) {
            const [at, otherAt] = [out, other].map((x) => layout.columns.get(x)!);
            expect(at >= otherAt + width(other) || otherAt >= at + width(out)).toBe(true);
          }
        });
      }),
    );
    expect(ran.count).toBeGreaterThan(0);
  });
});

describe('bits', () => {
  const [nEmbd, nFf] = [48, 160];
  const matrix = (name: string, nIn: number, nOut: number, seed: number): Sources['x'] => [
    source(name, [nIn, nOut], normal(nIn * nOut, seed, 0.2), nIn % 32 === 0 ? 'Q8_0' : 'F16'),
    'matrix',
  ];
  const sources: Sources = {
    tok: [source('tok', [nEmbd, 50], normal(nEmbd * 50, 1)), 'table'],
    norm: [source('norm', [nEmbd], normal(nEmbd, 2)), 'vector'],
    bias: [source('bias', [nFf], normal(nFf, 3)), 'vector'],
    up: matrix('up', nEmbd, nFf, 4),
    down: matrix('down', nFf, nEmbd, 5),
    gate: matrix('gate', nEmbd, nFf, 6),
  };

  it.each(['exact', 'high', 'fast'] as const)('are the same in any batch at %s', async (precision) => {
    const backend = await createWasmBackend({ precision, setup: await prepareWasm() });
    const w = await load(backend, sources);
    const { ops } = backend;
    const forward = () => {
      const embedded = ops.embedding(w.tok, 'ids');
      const up = ops.linear(embedded, { weight: w.up, bias: w.bias }, { activation: 'gelu' });
      const x = ops.linear(up, { weight: w.down }, { residual: embedded });
      const y = ops.norm(x, { weight: w.norm }, { kind: 'rms', eps: 1e-5 });
      const gated = ops.glu(ops.linear(y, { weight: w.gate }), ops.linear(y, { weight: w.up }), 'silu');
      const z = ops.linear(gated, { weight: w.down }, { residual: x });
      // The activation keeps the products apart: the first quantises all rows.
      const apart = ops.linear(z, { weight: w.gate }, { activation: 'gelu' });
      return ops.linear(ops.glu(apart, ops.linear(z, { weight: w.up }), 'silu'), { weight: w.down });
    };
    const lengths = [3, 120, 60, 1, 75, 200, 130];
    const batch = batchOf(lengths);
    const whole = await backend.compute!(batch, 'forward', forward);
    const again = await backend.compute!(batch, 'forward', forward);
    expect(again).toEqual(whole);
    let row = 0;
    for (const length of lengths) {
      const [ids, positions] = [batch.ids, batch.positions].map((values) => values.slice(row, row + length));
      const one = { ids, positions, offsets: Int32Array.of(0, length) };
      expect(await backend.compute!(one, 'forward', forward)).toEqual(
        whole.subarray(row * nEmbd, (row + length) * nEmbd),
      );
      row += length;
    }
    backend.dispose();
  });
});
