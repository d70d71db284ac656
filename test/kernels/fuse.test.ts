/** @file The passes that put several products or rotations into one step, and a gate into the product that makes it. */
import { describe, expect, it } from 'vitest';
import { fuseGlu } from '../../src/kernels/graph/fuse-glu.ts';
import { fuseNormRope } from '../../src/kernels/graph/fuse-norm-rope.ts';
import { fuseProducts } from '../../src/kernels/graph/fuse-products.ts';
import { fuseRotations } from '../../src/kernels/graph/fuse-rotations.ts';
import { buffersOf, freedAfter } from '../../src/kernels/graph/liveness.ts';
import { narrow } from '../../src/kernels/graph/narrow.ts';
import type { Step } from '../../src/kernels/graph/step.ts';
import type { GraphTensor } from '../../src/kernels/graph/tensor.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import { attending, layer, matrix, norm, nSeq, record, rotation, weight } from './recording.ts';

const always = () => true;
const embed = (ops: Ops) => ops.embedding(weight(8, 50), 'ids');
const view = ({ cols, start }: GraphTensor) => [start, cols];

/** Every step reads what an earlier one has made, and nothing is made twice. */
function expectOrder(steps: readonly Step[]): void {
  const made = new Set<GraphTensor>();
  for (const { inputs, out } of steps) {
    for (const { base } of inputs) expect(made.has(base)).toBe(true);
    expect(made.has(out)).toBe(false);
    made.add(out);
  }
}

describe('products of one input', () => {
  it('become one, and its readers read columns', async () => {
    const { steps, target } = await record((ops) => {
      const x = embed(ops);
      const q = ops.linear(x, { ...matrix, bias: weight(8) });
      const k = ops.linear(x, { weight: weight(8, 4) });
      const v = ops.linear(x, { weight: weight(8, 4) });
      return ops.attention(q, k, v, { ...attending, nHeadKv: 1 });
    });
    const fused = fuseProducts(steps, target, always);
    expectOrder(fused);
    expect(fused.map(({ op }) => op)).toEqual(['embedding', 'linear', 'attention']);
    const [, product, attention] = fused;
    expect(product.op === 'linear' && product.parts.map((part) => [part.weight.shape, part.bias?.shape])).toEqual([
      [[8, 8], [8]],
      [[8, 4], undefined],
      [[8, 4], undefined],
    ]);
    expect(product.out.cols).toBe(16);
    expect(attention.inputs.map(view)).toEqual([
      [0, 8],
      [8, 4],
      [12, 4],
    ]);
    expect(new Set(attention.inputs.map(({ base }) => base))).toEqual(new Set([product.out]));
    expect(freedAfter(fused.map(buffersOf), target.base)[2]).toContain(product.out);
  });

  it('keep views of their results, one for each', async () => {
    const { steps, target } = await record((ops) => {
      const x = embed(ops);
      const [a, b] = [ops.linear(x, matrix), ops.linear(x, matrix)];
      const part = ops.columns(b, 4, 4);
      return ops.add(ops.add(part, ops.columns(a, 4, 4)), part);
    });
    const [, , first, second] = fuseProducts(steps, target, always);
    expect(first.inputs.map(view)).toEqual([
      [12, 4],
      [4, 4],
    ]);
    expect(second.inputs[1]).toBe(first.inputs[0]);
  });

  it('stay apart where the backend says so', async () => {
    const { steps, target } = await record((ops) => {
      const x = embed(ops);
      const [q, k, v] = [weight(8, 8), weight(8, 8), weight(8, 8)].map((w) => ops.linear(x, { weight: w }));
      return ops.attention(q, k, v, attending);
    });
    const third = steps[3].op === 'linear' && steps[3].parts[0].weight;
    const fused = fuseProducts(steps, target, (_, second) => second !== third);
    expectOrder(fused);
    expect(fused.map(({ op, out }) => `${op} ${out.cols}`)).toEqual([
      'embedding 8',
      'linear 16',
      'linear 8',
      'attention 8',
    ]);
  });

  it.each([
    ['have different inputs', (ops: Ops) => ops.add(ops.linear(embed(ops), matrix), ops.linear(embed(ops), matrix))],
    [
      'have an activation',
      (ops: Ops) => {
        const x = embed(ops);
        return ops.add(ops.linear(x, matrix, { activation: 'gelu' }), ops.linear(x, matrix));
      },
    ],
    [
      'have a residual',
      (ops: Ops) => {
        const x = embed(ops);
        return ops.add(ops.linear(x, matrix), ops.linear(x, matrix, { residual: x }));
      },
    ],
    [
      'have a scale',
      (ops: Ops) => {
        const x = embed(ops);
        return ops.add(ops.linear(x, matrix), ops.linear(x, { ...matrix, scale: weight(1) }));
      },
    ],
    [
      'are the result',
      (ops: Ops) => {
        const x = embed(ops);
        ops.linear(x, matrix);
        return ops.linear(x, matrix);
      },
    ],
  ])('stay as they are where they %s', async (_, graph) => {
    const { steps, target } = await record(graph);
    expect(fuseProducts(steps, target, always)).toEqual(steps);
  });

  it('stay apart where only one of them is narrowed', async () => {
    const { steps, target } = await record((ops) => ops.pool(layer(ops), 'cls'));
    const fused = fuseProducts(narrow(steps, target, nSeq), target, always);
    expectOrder(fused);
    expect(fused.filter(({ op }) => op === 'linear').map(({ out }) => [out.rows, out.cols])).toEqual([
      [3, 8],
      [8, 16],
      [3, 8],
    ]);
  });
});

describe('a gate', () => {
  const gated = (ops: Ops) => {
    const x = embed(ops);
    return ops.softmax(ops.glu(ops.linear(x, matrix), ops.linear(x, matrix), 'silu'));
  };

  it('becomes part of the product that makes it, of one weight or of two', async () => {
    const oneWeight = (ops: Ops) => {
      const both = ops.linear(embed(ops), { weight: weight(8, 16) });
      return ops.softmax(ops.glu(ops.columns(both, 0, 8), ops.columns(both, 8, 8), 'silu'));
    };
    for (const graph of [gated, oneWeight]) {
      const { steps, target } = await record(graph);
      const fused = fuseGlu(fuseProducts(steps, target, always), target);
      expectOrder(fused);
      expect(fused.map(({ op, out }) => `${op} ${out.cols}`)).toEqual(['embedding 8', 'linear 8', 'softmax 8']);
      expect(fused[1].op === 'linear' && fused[1].glu).toBe('silu');
    }
  });

  it.each([
    [
      'somebody else reads the columns',
      (ops: Ops) => {
        const both = ops.linear(embed(ops), { weight: weight(8, 16) });
        const halves = [ops.columns(both, 0, 8), ops.columns(both, 8, 8)] as const;
        return ops.add(ops.glu(...halves, 'silu'), halves[0]);
      },
    ],
    [
      'the second half is the gate',
      (ops: Ops) => {
        const both = ops.linear(embed(ops), { weight: weight(8, 16) });
        return ops.softmax(ops.glu(ops.columns(both, 8, 8), ops.columns(both, 0, 8), 'silu'));
      },
    ],
    [
      'there are more columns',
      (ops: Ops) => {
        const all = ops.linear(embed(ops), { weight: weight(8, 20) });
        return ops.softmax(ops.glu(ops.columns(all, 0, 8), ops.columns(all, 8, 8), 'silu'));
      },
    ],
    ['the products are two', gated],
  ])('stays apart where %s', async (_, graph) => {
    const { steps, target } = await record(graph);
    expect(fuseGlu(steps, target)).toEqual(steps);
  });
});

describe('rotations', () => {
  const heads = (ops: Ops, other: Partial<typeof rotation> | { freqBase: number } = {}, skip = 8) => {
    const all = ops.linear(embed(ops), { weight: weight(8, 32) });
    const q = ops.rope(ops.columns(all, 0, 8), rotation);
    const k = ops.rope(ops.columns(all, skip, 8), { ...rotation, ...other });
    return ops.attention(q, k, ops.columns(all, 24, 8), attending);
  };

  it('of queries and keys become one', async () => {
    const { steps, target } = await record((ops) => heads(ops));
    const fused = fuseRotations(steps, target);
    expectOrder(fused);
    expect(fused.map(({ op }) => op)).toEqual(['embedding', 'linear', 'rope', 'attention']);
    const [, , rope, attention] = fused;
    expect(rope.op === 'rope' && rope.options.nHead).toBe(4);
    expect(rope.inputs.map(view)).toEqual([[0, 16]]);
    expect(attention.inputs.map(view)).toEqual([
      [0, 8],
      [8, 8],
      [24, 8],
    ]);
  });

  it('become one with the norms before them, each with its weights', async () => {
    const [queries, keys] = [weight(4), weight(4)];
    const { steps, target } = await record((ops) => {
      const all = ops.linear(embed(ops), { weight: weight(8, 24) });
      const q = ops.norm(ops.columns(all, 0, 8), { weight: queries }, { ...norm, groups: 2 });
      const k = ops.norm(ops.columns(all, 8, 4), { weight: keys }, { ...norm, groups: 1 });
      const [a, b] = [ops.rope(q, rotation), ops.rope(k, { ...rotation, nHead: 1 })];
      return ops.attention(a, b, ops.columns(all, 12, 4), { ...attending, nHeadKv: 1 });
    });
    const fused = fuseRotations(fuseNormRope(steps, target), target);
    expectOrder(fused);
    expect(fused.map(({ op }) => op)).toEqual(['embedding', 'linear', 'norm', 'attention']);
    const step = fused[2];
    if (step.op !== 'norm') throw new Error('no norm');
    expect([step.groups, step.rotation?.nHead, step.weight, step.next]).toEqual([
      3,
      3,
      queries,
      { weight: keys, bias: undefined, from: 2 },
    ]);
  });

  it.each([
    ['turn by other angles', (ops: Ops) => heads(ops, { freqBase: 500 })],
    ['rotate fewer dimensions', (ops: Ops) => heads(ops, { nRot: 2 } as object)],
    ['have heads of another size', (ops: Ops) => heads(ops, { nHead: 1 } as object)],
    ['do not follow each other', (ops: Ops) => heads(ops, {}, 16)],
  ])('stay apart where they %s', async (_, graph) => {
    const { steps, target } = await record(graph);
    expect(fuseRotations(steps, target)).toEqual(steps);
  });
});
