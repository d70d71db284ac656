/** @file The passes over a recorded forward: what they leave out, what they share, and that no two live results overlap. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocator } from '../../src/kernels/graph/allocator.ts';
import { fuseNormAdd } from '../../src/kernels/graph/fuse-norm-add.ts';
import { fuseNormRope } from '../../src/kernels/graph/fuse-norm-rope.ts';
import { fuseProductRope } from '../../src/kernels/graph/fuse-product-rope.ts';
import { freedAfter } from '../../src/kernels/graph/liveness.ts';
import { narrow } from '../../src/kernels/graph/narrow.ts';
import { addRotationTables } from '../../src/kernels/graph/rotation-tables.ts';
import type { Step } from '../../src/kernels/graph/step.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import { attending, layer, matrix, norm, nSeq, record, rotation, weight } from './recording.ts';

describe('narrowing', () => {
  it.each(['cls', 'last'] as const)(
    'computes one row of each sequence from the last attention on (%s)',
    async (row) => {
      const { steps, target } = await record((ops) => ops.pool(layer(ops), row));
      const narrowed = narrow(steps, target, nSeq);
      const found = narrowed.map(({ op, out, row: of }) => `${op} ${out.rows}${of === undefined ? '' : ` ${of}`}`);
      expect(found).toEqual([
        'embedding 8',
        `pool 3`,
        `linear 3 ${row}`,
        'linear 8',
        'linear 8',
        `rope 3 ${row}`,
        'rope 8',
        `attention 3 ${row}`,
        `linear 3 ${row}`,
        `norm 3 ${row}`,
        'pool 3',
      ]);
      expect(narrowed.at(-1)!.out).toBe(target);
    },
  );

  it('copies a tensor once, however many steps read its rows, and keeps views', async () => {
    const { steps, target } = await record((ops) => {
      const wide = ops.linear(layer(ops), { weight: weight(8, 16) });
      const hidden = ops.glu(ops.columns(wide, 0, 8), ops.columns(wide, 8, 8), 'silu');
      return ops.pool(ops.add(hidden, layer(ops)), 'cls');
    });
    const narrowed = narrow(steps, target, nSeq);
    const glu = narrowed.find(({ op }) => op === 'glu')!;
    expect(glu.inputs.map(({ rows, cols, start }) => [rows, cols, start])).toEqual([
      [3, 8, 0],
      [3, 8, 8],
    ]);
    expect(glu.inputs[0].base).toBe(glu.inputs[1].base);
    expect(narrowed.filter(({ op }) => op === 'pool')).toHaveLength(3);
  });

  it('leaves alone what is pooled by the mean, pooled in two ways, or not pooled', async () => {
    for (const graph of [
      (ops: Ops) => ops.pool(layer(ops), 'mean'),
      (ops: Ops) => layer(ops),
      (ops: Ops) => {
        const x = layer(ops);
        return ops.add(ops.pool(x, 'cls'), ops.pool(x, 'last'));
      },
    ]) {
      const { steps, target } = await record(graph);
      expect(narrow(steps, target, nSeq)).toBe(steps);
    }
  });

  it('leaves alone what a later attention reads whole', async () => {
    const { steps, target } = await record((ops) => {
      const x = layer(ops);
      return ops.pool(ops.attention(x, x, x, attending), 'cls');
    });
    const narrowed = narrow(steps, target, nSeq);
    expect(narrowed.filter(({ row }) => row !== undefined).map(({ op }) => op)).toEqual(['attention']);
  });
});

describe('joining', () => {
  const weights = { weight: weight(8) };
  const perHead = { weight: weight(4) };
  const names = (steps: readonly Step[]) =>
    steps.map((step) => {
      if (step.op !== 'norm') return step.op;
      return `norm${step.isAdded ? '+add' : ''}${step.rotation === undefined ? '' : '+rope'}`;
    });
  const embed = (ops: Ops) => ops.embedding(weight(8, 50), 'ids');

  it('a norm with the addition that alone reads it, on either side', async () => {
    const { steps, target } = await record((ops) => {
      const x = embed(ops);
      const h = ops.add(ops.norm(ops.softmax(x), weights, norm), x);
      return ops.add(h, ops.norm(ops.softmax(h), weights, { ...norm, residual: x }));
    });
    const fused = fuseNormAdd(steps, target);
    expect(names(fused)).toEqual(['embedding', 'softmax', 'norm+add', 'softmax', 'norm+add']);
    const [x, soft, h, softer, last] = fused;
    expect(h.inputs).toEqual([soft.out, x.out]);
    expect(last.inputs).toEqual([softer.out, x.out, h.out]);
    expect(last.out).toBe(target);
  });

  it('a norm of each head with the rotation that alone reads it', async () => {
    const { steps, target } = await record((ops) => {
      const heads = ops.norm(embed(ops), perHead, { ...norm, groups: 2 });
      return ops.rope(heads, rotation);
    });
    expect(names(fuseNormRope(steps, target))).toEqual(['embedding', 'norm+rope']);
  });

  it('not where somebody else reads the norm, or part of it, or it is the result', async () => {
    for (const graph of [
      (ops: Ops) => {
        const n = ops.norm(embed(ops), weights, norm);
        return ops.add(ops.add(n, embed(ops)), ops.softmax(n));
      },
      (ops: Ops) => {
        const n = ops.norm(embed(ops), weights, norm);
        return ops.add(ops.columns(n, 0, 4), ops.columns(embed(ops), 4, 4));
      },
      (ops: Ops) => {
        const n = ops.norm(embed(ops), weights, norm);
        return ops.add(n, n);
      },
      (ops: Ops) => ops.rope(ops.norm(embed(ops), weights, norm), rotation),
      (ops: Ops) => {
        const options = { ...norm, groups: 2, residual: embed(ops) };
        return ops.rope(ops.norm(embed(ops), perHead, options), rotation);
      },
    ]) {
      const { steps, target } = await record(graph);
      expect(fuseNormRope(fuseNormAdd(steps, target), target)).toEqual(steps);
    }
    const { steps } = await record((ops) => ops.add(ops.norm(embed(ops), weights, norm), embed(ops)));
    expect(fuseNormAdd(steps, steps.find(({ op }) => op === 'norm')!.out)).toEqual(steps);
  });

  it('not where only one of the two is narrowed', async () => {
    const { steps, target } = await record((ops) => {
      const x = layer(ops);
      const heads = ops.norm(x, perHead, { ...norm, groups: 2 });
      return ops.pool(ops.attention(x, ops.rope(heads, rotation), x, attending), 'cls');
    });
    const fused = fuseNormRope(narrow(steps, target, nSeq), target);
    expect(fused.filter(({ op }) => op === 'norm').map(({ row }) => row)).toEqual([undefined, undefined]);
  });
});

describe('a product with the rotation of its first columns', () => {
  const wide = (ops: Ops) => ops.linear(ops.embedding(weight(8, 50), 'ids'), { weight: weight(8, 24) });
  /** The two columns of eight values that are rotated together, and the values behind them. */
  const attended = (ops: Ops, qkv = wide(ops)) => {
    const both = ops.rope(ops.columns(qkv, 0, 16), { ...rotation, nHead: 4 });
    return ops.attention(ops.columns(both, 0, 8), ops.columns(both, 8, 8), ops.columns(qkv, 16, 8), attending);
  };

  it('is one step, whose readers read columns of its result', async () => {
    const { steps, target } = await record((ops) => attended(ops));
    const [, product, attention] = fuseProductRope(steps, target, () => true);
    expect(product).toMatchObject({ op: 'linear', rotation: { nHead: 4 } });
    expect(attention.inputs.map(({ base, start, cols }) => [base === product.out, start, cols])).toEqual([
      [true, 0, 8],
      [true, 8, 8],
      [true, 16, 8],
    ]);
    expect(attention.out).toBe(target);
  });

  it('not where the columns are read as they were, the product does more, one is the result, or the backend declines', async () => {
    for (const graph of [
      (ops: Ops) => {
        const qkv = wide(ops);
        return ops.add(attended(ops, qkv), ops.columns(qkv, 8, 8));
      },
      (ops: Ops) => {
        const x = ops.embedding(weight(8, 50), 'ids');
        return attended(ops, ops.linear(x, { weight: weight(8, 24) }, { activation: 'relu' }));
      },
      (ops: Ops) => ops.rope(ops.columns(wide(ops), 0, 16), { ...rotation, nHead: 4 }),
      (ops: Ops) => ops.softmax(ops.rope(ops.columns(wide(ops), 8, 16), { ...rotation, nHead: 4 })),
    ]) {
      const { steps, target } = await record(graph);
      expect(fuseProductRope(steps, target, () => true)).toEqual(steps);
    }
    const { steps, target } = await record((ops) => attended(ops));
    expect(fuseProductRope(steps, target, () => false)).toEqual(steps);
  });
});

describe('rotation tables', () => {
  it('are one for all ropes that turn by the same angles', async () => {
    const { steps } = await record((ops) => {
      const x = layer(ops);
      return ops.add(ops.rope(x, { ...rotation, nHead: 1 }), ops.rope(x, { ...rotation, freqBase: 500 }));
    });
    const all = addRotationTables(steps, (step) => (step.op === 'rope' ? step.options : undefined));
    expect(all.filter(({ op }) => op === 'rotation')).toHaveLength(2);
    const tables = all.filter(({ op }) => op === 'rope').map(({ inputs }) => inputs[1]);
    expect(tables[1]).toBe(tables[0]);
    expect(tables[2]).toBe(tables[0]);
    expect(tables[3]).not.toBe(tables[0]);
    for (const [i, step] of all.entries()) {
      if (step.op === 'rope') expect(all.slice(0, i).some(({ out }) => out === step.inputs[1])).toBe(true);
    }
  });
});

describe('needed steps', () => {
  it('are those that the target depends on, in order', async () => {
    const { steps } = await record((ops) => {
      const x = ops.embedding(weight(8, 50), 'ids');
      ops.activate(x, 'relu');
      return ops.add(x, ops.softmax(x));
    });
    expect(steps.map(({ op }) => op)).toEqual(['embedding', 'softmax', 'add']);
  });
});

describe('memory', () => {
  const uses = fc.array(fc.array(fc.nat(12), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 30 });

  it('is free after the last use, once, and never for what is kept', () => {
    fc.assert(
      fc.property(uses, fc.nat(12), (list, kept) => {
        const freed = freedAfter(list, kept);
        const last = new Map<number, number>();
        list.forEach((buffers, i) => {
          for (const buffer of buffers) last.set(buffer, i);
        });
        last.delete(kept);
        expect(new Map(freed.flatMap((buffers, i) => buffers.map((buffer) => [buffer, i])))).toEqual(last);
        expect(freed.flat()).toHaveLength(last.size);
      }),
    );
  });

  it('is given to one owner at a time, at multiples of the alignment', () => {
    const moves = fc.array(fc.record({ size: fc.integer({ min: 0, max: 40 }), give: fc.nat() }), { maxLength: 60 });
    fc.assert(
      fc.property(moves, fc.constantFrom(1, 4, 16), (list, alignment) => {
        const allocator = new Allocator(alignment);
        const live: { offset: number; size: number }[] = [];
        for (const { size, give } of list) {
          if (give % 3 === 0 && live.length > 0) {
            const [range] = live.splice(give % live.length, 1);
            allocator.give(range.offset, range.size);
            continue;
          }
          const offset = allocator.take(size);
          expect(offset % alignment).toBe(0);
          expect(offset + size).toBeLessThanOrEqual(allocator.end);
          for (const other of live) {
            expect(offset >= other.offset + Math.max(1, other.size) || other.offset >= offset + Math.max(1, size)).toBe(
              true,
            );
          }
          live.push({ offset, size });
        }
        const { end } = allocator;
        for (const { offset, size } of live) allocator.give(offset, size);
        expect(allocator.take(end)).toBe(0);
      }),
    );
  });
});

describe('arguments', () => {
  it('inconsistent arguments are refused when they are recorded', async () => {
    await record((ops) => {
      const x = ops.embedding(weight(8, 50), 'ids');
      expect(() => ops.embedding(weight(8, 7), 'ids')).toThrow('w8x7 has 7 rows; row 7 does not exist');
      expect(() => ops.linear(x, { weight: weight(9, 8) })).toThrow('w9x8 has shape [9,8]; the operation needs [8]');
      expect(() => ops.linear(x, { weight: weight(8, 8, 2) })).toThrow('w8x8x2 is a stack of matrices; use moe');
      expect(() => ops.linear(x, { ...matrix, bias: weight(7) })).toThrow('w7 has shape [7]; the operation needs [8]');
      expect(() => ops.norm(x, { weight: weight(8) }, { ...norm, groups: 3 })).toThrow(
        'cannot be divided into 3 groups',
      );
      expect(() => ops.rope(x, { ...rotation, nRot: 6 })).toThrow('rope: 6 rotated dimensions in 2 heads of 4');
      expect(() => ops.attention(x, x, x, { ...attending, nHeadKv: 4 })).toThrow('with 2 and 4 heads');
      expect(() => ops.add(x, ops.columns(x, 0, 4))).toThrow('[8, 4] does not match [8, 8]');
      expect(() => ops.add(x, ops.pool(x, 'cls'))).toThrow('[3, 8] does not match [8, 8]');
      expect(() => ops.columns(x, 6, 4)).toThrow('columns [6, 10) do not exist in a matrix of width 8');
      expect(() => ops.pool(ops.pool(x, 'mean'), 'mean')).toThrow('these rows are already sequences');
      return x;
    });
  });
});
