/** @file Where ranks meet when products are divided by columns, and that nobody writes where another may still be reading. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { buffersOf } from '../../src/kernels/graph/liveness.ts';
import { GraphTensor } from '../../src/kernels/graph/tensor.ts';
import { f32 } from '../../src/kernels/wasm/forms/f32.ts';
import type { Form } from '../../src/kernels/wasm/forms/form.ts';
import { i16 } from '../../src/kernels/wasm/forms/i16.ts';
import { lowBitForms } from '../../src/kernels/wasm/forms/low-bit.ts';
import { KernelMemory } from '../../src/kernels/wasm/memory.ts';
import { type PlanDivision, plan } from '../../src/kernels/wasm/plan.ts';
import { barriersBefore } from '../../src/kernels/wasm/split.ts';
import { exchanged, leading, type WasmStep } from '../../src/kernels/wasm/steps.ts';
import { WasmWeight } from '../../src/kernels/wasm/weights.ts';

const memory = new KernelMemory(new WebAssembly.Memory({ initial: 1 }));
const weightFor = (products: Form) => {
  const from = { name: 'w', type: ggmlTypes.F32, shape: [32, 32], byteLength: 4096, read: async () => {} };
  return new WasmWeight(from, 'matrix', products, false, memory, undefined);
};
const weights = { i16: weightFor(i16), low: weightFor(lowBitForms.get('Q4_K')!), f32: weightFor(f32) };

const tensor = () => new GraphTensor(64, 32, 'tokens');
const rows = (...inputs: GraphTensor[]): WasmStep => ({ op: 'add', inputs, out: tensor() });
const productOf =
  (weight: WasmWeight) =>
  (...inputs: GraphTensor[]): WasmStep => ({ op: 'linear', parts: [{ weight }], inputs, out: tensor() });
const product = productOf(weights.i16);
const productLow = productOf(weights.low);
const exchange = (...inputs: GraphTensor[]): WasmStep => ({
  op: 'attention',
  options: { nHead: 1, nHeadKv: 1, scale: 1 },
  inputs: [inputs[0], ...inputs],
  out: tensor(),
});

describe('ranks meet', () => {
  it('before what reads rows of others, or columns', () => {
    const a = rows();
    const b = product(a.out);
    const c = rows(b.out);
    const d = exchange(c.out);
    const e = product(d.out);
    const f = product(e.out);
    expect(barriersBefore([a, b, c, d, e, f])).toEqual([false, false, true, true, false, true]);
  });

  it('once for several products of one input', () => {
    const x = rows();
    const [q, k, v] = [product(x.out), product(x.out), product(x.out)];
    expect(barriersBefore([x, q, k, v, exchange(q.out, k.out, v.out)])).toEqual([false, false, false, false, true]);
  });

  it('before another input is quantised over one that is being read', () => {
    const [x, y] = [rows(), rows()];
    expect(barriersBefore([x, y, product(x.out), product(y.out)])).toEqual([false, false, false, true]);
  });

  it('before the same input is quantised over itself for products of another kind', () => {
    const x = rows();
    const [a, b, c, d] = [product(x.out), productLow(x.out), productLow(x.out), product(x.out)];
    expect(barriersBefore([x, a, b, c, d])).toEqual([false, false, true, false, true]);
  });

  it('before attention whose shared keys take the place of those that are being read', () => {
    const x = rows();
    expect(barriersBefore([x, exchange(x.out), exchange(x.out)])).toEqual([false, true, true]);
    const attended = exchange(x.out);
    const steps = [x, attended, product(attended.out), rows(), exchange(x.out)];
    expect(barriersBefore(steps)).toEqual([false, true, false, false, false]);
  });

  it('before a residual that somebody else has written, if nothing has to be quantised', () => {
    const x = rows();
    const first = product(x.out);
    const y = rows();
    expect(barriersBefore([x, first, y, product(x.out, y.out)])).toEqual([false, false, false, true]);
    expect(barriersBefore([x, y, product(x.out, y.out)])).toEqual([false, false, false]);
  });

  it('before every float32 product of something new', () => {
    const x = rows();
    const productF32 = productOf(weights.f32);
    const [a, b] = [productF32(x.out), productF32(x.out)];
    expect(barriersBefore([x, a, b, productF32(b.out)])).toEqual([false, true, false, true]);
  });

  it('before a product of rows of sequences, whose groups of 4 are not the shares', () => {
    const x = rows();
    const out = new GraphTensor(6, 32, 'sequences');
    const pooled: WasmStep = { op: 'pool', kind: 'mean', inputs: [x.out], out };
    expect(barriersBefore([x, pooled, product(pooled.out)])).toEqual([false, true, true]);
  });
});

describe('no result takes the place of what may still be read', () => {
  const graphs = fc
    .array(
      fc.record({
        make: fc.constantFrom(rows, product, productLow, exchange),
        from: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
      }),
      { minLength: 5, maxLength: 40 },
    )
    .map((list) => {
      const steps = [rows()];
      for (const { make, from } of list) {
        const recent = steps.slice(-6);
        steps.push(make(...new Set(from.map((i) => recent[i % recent.length].out))));
      }
      return steps;
    });

  /** Each step with the earlier ones that a slower rank may still be at. */
  function check(steps: WasmStep[], division: PlanDivision, touches: (step: WasmStep) => readonly GraphTensor[]) {
    const { todo, barriers, layout } = plan(steps, steps[steps.length - 1].out, 4, false, division);
    todo.forEach(({ out }, j) => {
      for (let i = j - 1; i >= 0 && !barriers.slice(i + 1, j + 1).includes(true); i--) {
        for (const other of touches(todo[i])) {
          const [at, otherAt] = [out, other].map(({ base }) => layout.columns.get(base)!);
          expect(at >= otherAt + leading(other) || otherAt >= at + leading(out)).toBe(true);
        }
      }
    });
  }

  it('divided by columns, where all that a step touches may be of others', () => {
    fc.assert(fc.property(graphs, (steps) => check(steps, 'columns', buffersOf)));
  });

  it('divided by rows, where an exchange reads rows of others', () => {
    fc.assert(fc.property(graphs, (steps) => check(steps, 'rows', exchanged)));
  });

  it('on one rank, where only later steps read it', () => {
    fc.assert(
      fc.property(graphs, (steps) => {
        const { todo, layout } = plan(steps, steps[steps.length - 1].out, 4, false, 'alone');
        todo.forEach(({ out }, j) => {
          const needed = new Set(todo.slice(j).flatMap(({ inputs }) => inputs.map(({ base }) => base)));
          for (const { out: other } of todo.slice(0, j).filter(({ out: made }) => needed.has(made))) {
            const [at, otherAt] = [out, other].map((tensor) => layout.columns.get(tensor)!);
            expect(at >= otherAt + leading(other) || otherAt >= at + leading(out)).toBe(true);
          }
        });
      }),
    );
  });

  it('one rank holds nothing back for others, and no rank holds queries back', () => {
    const steps = [rows()];
    for (let i = 0; i < 6; i++) {
      const x = steps[steps.length - 1].out;
      const [q, k] = [rows(x), rows(x)];
      const attended: WasmStep = { ...exchange(q.out, k.out), inputs: [q.out, k.out, k.out] };
      const middle = rows(attended.out);
      steps.push(q, k, attended, middle, rows(middle.out, attended.out, x));
    }
    const buffers = (division: PlanDivision) => {
      const last = steps[steps.length - 1].out;
      return plan(steps, last, 4, false, division).layout.tokenWidth / leading(last);
    };
    expect(buffers('alone')).toBe(4);
    expect(buffers('rows')).toBe(5);
  });
});
