/**
 * @file Adds llama.cpp's names to the steps of a forward pass, for an observer: `Ops` that pass every call on to other `Ops` with
 * the names of a table. A forward pass without an observer does not use this.
 */
import type { Ops, StepNames, Tensor, Weight } from '../../tensor/ops.ts';
import type { StepNameTable } from './step-names.ts';

/** `blk.3.attn_q.weight`, with the layer's number and the rest. */
const layerWeight = /^(?:enc\.|v\.)?blk\.(\d+)\.(.+)\.weight$/;

/** Operations that name the steps of one forward pass from `table`. Each forward pass needs new ones. */
export function nameSteps(ops: Ops, table: StepNameTable): Ops {
  let layer: number | undefined;
  /** The number of steps of each kind in the layer so far. */
  const counts = new Map<string, number>();
  /** The weight that made a tensor. */
  const madeBy = new WeakMap<Tensor, string>();

  /** Records that the next step uses `weight`, and returns its name in the tables. */
  function enter({ name }: Weight): string {
    const [, number, rest] = layerWeight.exec(name) ?? [];
    const next = number === undefined ? undefined : Number(number);
    if (next !== layer) counts.clear();
    layer = next;
    return rest ?? name.replace(/\.weight$/, '');
  }

  function nth(kind: string): number {
    const n = counts.get(kind) ?? 0;
    counts.set(kind, n + 1);
    return n;
  }

  const named = <Names extends object>(names: Names | undefined) => (names === undefined ? {} : { names, layer });
  const out = (name: string | undefined): StepNames<never> =>
    name === undefined ? {} : { names: { out: name }, layer };

  return {
    ...ops,
    embedding: (rows, index, options) =>
      ops.embedding(rows, index, { ...options, ...named(table.embedding[enter(rows)]) }),
    linear(x, weights, options) {
      const key = enter(weights.weight);
      const names = table.linear[key];
      const step = typeof names === 'function' ? names(weights, options?.activation) : names;
      const y = ops.linear(x, weights, { ...options, ...named(step) });
      madeBy.set(y, key);
      return y;
    },
    norm(x, weights, options) {
      const key = enter(weights.weight);
      const input = table.normInput?.[key];
      const from = input === undefined ? x : ops.columns(x, 0, x.cols, out(input));
      const names = table.norm[key];
      const step = typeof names === 'function' ? names(weights) : names;
      return ops.norm(from, weights, { ...options, ...named(step) });
    },
    rope: (x, options) => ops.rope(x, { ...options, ...out(table.rope?.[nth('rope')]) }),
    attention: (q, k, v, options) => ops.attention(q, k, v, { ...options, ...named(table.attention) }),
    shortConv(bcx, kernel, options) {
      enter(kernel);
      return ops.shortConv(bcx, kernel, { ...options, ...out(table.shortConv) });
    },
    glu: (gate, up, activation) => ops.glu(gate, up, activation, out(table.glu?.(activation))),
    moe(x, options) {
      enter(options.router);
      return ops.moe(x, { ...options, ...out(table.moe) });
    },
    add: (a, b, options) => ops.add(a, b, { ...options, ...out(table.add?.[nth('add')]) }),
    columns(x, start, n) {
      const key = madeBy.get(x);
      const name = key === undefined ? undefined : table.columns?.[key]?.[nth(`columns of ${key}`)];
      return ops.columns(x, start, n, out(name));
    },
  };
}
