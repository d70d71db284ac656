/** @file Where ranks meet when products are divided by columns, and that nobody writes where another may still be reading. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Step, WasmTensor } from '../../src/kernels/wasm/graph.ts';
import { plan } from '../../src/kernels/wasm/plan.ts';
import { meetings } from '../../src/kernels/wasm/split.ts';

const tensor = (cols = 32) => new WasmTensor(64, cols, 'tokens');
const rows = (...inputs: WasmTensor[]): Step => ({ op: 'norm', inputs, out: tensor(), run: () => {} });
const product = (...inputs: WasmTensor[]): Step => ({ ...rows(...inputs), op: 'linear', product: 'i16' });
const productK4 = (...inputs: WasmTensor[]): Step => ({ ...product(...inputs), product: 'k4' });
const exchange = (...inputs: WasmTensor[]): Step => ({ ...rows(...inputs), op: 'attention', exchange: true });

describe('ranks meet', () => {
  it('before what reads rows of others, or columns', () => {
    const a = rows();
    const b = product(a.out);
    const c = rows(b.out);
    const d = exchange(c.out);
    const e = product(d.out);
    const f = product(e.out);
    expect(meetings([a, b, c, d, e, f])).toEqual([false, false, true, true, false, true]);
  });

  it('once for several products of one input', () => {
    const x = rows();
    const [q, k, v] = [product(x.out), product(x.out), product(x.out)];
    expect(meetings([x, q, k, v, exchange(q.out, k.out, v.out)])).toEqual([false, false, false, false, true]);
  });

  it('before another input is quantised over one that is being read', () => {
    const [x, y] = [rows(), rows()];
    expect(meetings([x, y, product(x.out), product(y.out)])).toEqual([false, false, false, true]);
  });

  it('before the same input is quantised over itself for products of another kind', () => {
    const x = rows();
    const [a, b, c, d] = [product(x.out), productK4(x.out), productK4(x.out), product(x.out)];
    expect(meetings([x, a, b, c, d])).toEqual([false, false, true, false, true]);
  });

  it('before a residual that somebody else has written, if nothing has to be quantised', () => {
    const x = rows();
    const first = product(x.out);
    const y = rows();
    expect(meetings([x, first, y, product(x.out, y.out)])).toEqual([false, false, false, true]);
    expect(meetings([x, y, product(x.out, y.out)])).toEqual([false, false, false]);
  });

  it('before every float32 product of something new', () => {
    const x = rows();
    const f32 = (from: WasmTensor): Step => ({ ...product(from), product: 'f32' });
    const [a, b] = [f32(x.out), f32(x.out)];
    expect(meetings([x, a, b, f32(b.out)])).toEqual([false, true, false, true]);
  });

  it('before a product of rows of sequences, whose groups of 4 are not the shares', () => {
    const x = rows();
    const pooled = { ...exchange(x.out), out: new WasmTensor(6, 32, 'sequences') };
    expect(meetings([x, pooled, product(pooled.out)])).toEqual([false, true, true]);
  });
});

describe('no result takes the place of what may still be read', () => {
  const graphs = fc
    .array(
      fc.record({
        make: fc.constantFrom(rows, product, productK4, exchange),
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
  function check(steps: Step[], byColumns: boolean, touches: (step: Step) => readonly WasmTensor[]) {
    const { todo, meets } = plan(steps, steps[steps.length - 1].out, 4, false, byColumns);
    todo.forEach(({ out }, j) => {
      for (let i = j - 1; i >= 0 && !meets.slice(i + 1, j + 1).includes(true); i--) {
        for (const other of touches(todo[i])) {
          expect(out.column >= other.column + other.ld || other.column >= out.column + out.ld).toBe(true);
        }
      }
    });
  }

  it('divided by columns, where all that a step touches may be of others', () => {
    fc.assert(fc.property(graphs, (steps) => check(steps, true, ({ inputs, out }) => [...inputs, out])));
  });

  it('divided by rows, where an exchange reads rows of others', () => {
    fc.assert(fc.property(graphs, (steps) => check(steps, false, (step) => (step.exchange ? step.inputs : []))));
  });
});
