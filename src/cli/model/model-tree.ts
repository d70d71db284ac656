/**
 * @file The tree of a model's layers and parameters as `inspect` prints it. Consecutive layers of the same shapes are one
 * branch, so that the tree of a deep model stays short.
 */
import type { ModelTreeNode } from '../../models/index.ts';

/** A line: the branch, its parameters, a note about them. */
type Row = readonly [branch: string, parameters: string, note: string];

/** Everything below `root`, one line for each module: parameters (of one layer if several are alike) and tensors. */
export function drawTree(root: ModelTreeNode): string {
  const rows = rowsBelow([root], '  ');
  const [first, second] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map(([branch, parameters, note]) => `${branch.padEnd(first)}  ${parameters.padStart(second)}  ${note}`)
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** @param alike the same branch of each layer of a group */
function rowsBelow(alike: readonly ModelTreeNode[], indent: string): Row[] {
  const groups = groupsBelow(alike);
  return groups.flatMap((group, i): Row[] => {
    const last = i === groups.length - 1;
    const [{ name, nParams }] = group;
    const layers = group.length / alike.length;
    const range = layers > 1 ? ` to ${Number(name) + layers - 1}` : '';
    const branch = `${indent}${last ? '└─' : '├─'} ${name}${range}`;
    const note = layers > 1 ? `each of ${layers} layers` : tensors(group);
    return [[branch, String(nParams), note], ...rowsBelow(group, `${indent}${last ? '   ' : '│  '}`)];
  });
}

/** The modules below each of `alike`, with consecutive layers of the same shapes in one group. */
function groupsBelow(alike: readonly ModelTreeNode[]): ModelTreeNode[][] {
  const groups: ModelTreeNode[][] = [];
  let before: string | undefined;
  for (const [i, child] of alike[0].children.entries()) {
    if (child.weight !== undefined) continue;
    const nodes = alike.map(({ children }) => children[i]);
    const layer = /^\d+$/.test(child.name) ? JSON.stringify(shapes(child)) : undefined;
    if (layer !== undefined && layer === before) groups.at(-1)!.push(...nodes);
    else groups.push(nodes);
    before = layer;
  }
  return groups;
}

function shapes({ children }: ModelTreeNode): unknown[] {
  return children.map((child) => [child.name, child.weight?.shape ?? shapes(child)]);
}

/** `weight Q8_0 [384, 384], bias F32 [384]`; all types if layers differ: `weight Q4_K/Q6_K [384, 384]`. */
function tensors(group: readonly ModelTreeNode[]): string {
  const described = group[0].children.flatMap(({ name, weight }, i) => {
    if (weight === undefined) return [];
    const types = new Set(group.map(({ children }) => children[i].weight!.type.name));
    return [`${name} ${[...types].join('/')} [${weight.shape.join(', ')}]`];
  });
  return described.join(', ');
}
