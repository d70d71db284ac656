/**
 * @file The weights of a model as a tree of names with parameter counts, for display.
 */
import { nElements } from '../gguf/shape.ts';
import type { Weight } from '../tensor/ops.ts';

/** A part of a model: `blk`, `0`, `attn_q`, `weight`. */
export interface ModelTreeNode {
  /** Part of the name between two dots; the root has the name of the architecture. */
  readonly name: string;
  /** Parameters in this part and all its children. */
  readonly nParams: number;
  /** Child parts, in the order of the model; empty in a leaf. */
  readonly children: readonly ModelTreeNode[];
  /** The tensor of a leaf. */
  readonly weight?: Weight;
}

/** Arranges `weights` by the parts of their names. */
export function weightTree(name: string, weights: readonly Weight[], depth = 0): ModelTreeNode {
  const groups = new Map<string, Weight[]>();
  for (const weight of weights) {
    const [part, ...rest] = weight.name.split('.').slice(depth);
    // The kernels of several frames are `weight`, `weight.1` …
    const key = part === 'weight' ? [part, ...rest].join('.') : part;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [weight]);
    else group.push(weight);
  }
  const children = Array.from(groups, ([part, group]): ModelTreeNode => {
    const [only] = group;
    if (group.length === 1 && only.name.split('.').slice(depth).join('.') === part) {
      return { name: part, nParams: countParams(only), children: [], weight: only };
    }
    return weightTree(part, group, depth + 1);
  });
  return { name, nParams: children.reduce((sum, child) => sum + child.nParams, 0), children };
}

function countParams(weight: Weight): number {
  return nElements(weight.shape);
}
