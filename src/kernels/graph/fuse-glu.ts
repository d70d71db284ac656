/**
 * @file Pass: a gated activation and the product that makes both of its inputs become one step, `activation(x Gᵀ) · (x Uᵀ)`.
 *
 * Buys     on webgpu one launch less, and two matrices as wide as the feed-forward layer are neither written nor read.
 * Not for  wasm, whose kernels finish 16 columns of one weight at a time; subgroup matrices, which write their results in parts; a gate and
 *          an up projection that are not one product (`fuse-products.ts`); an observed forward.
 */
import type { Weight } from '../../tensor/ops.ts';
import type { GluStep, LinearStep, Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/** @param steps the needed steps, in order, of a forward that makes `target` */
export function fuseGlu<W extends Weight>(steps: readonly Step<W>[], target: GraphTensor): readonly Step<W>[] {
  const reads = new Map<GraphTensor, number>([[target.base, 1]]);
  for (const { inputs } of steps) for (const { base } of inputs) reads.set(base, (reads.get(base) ?? 0) + 1);
  const products = new Map<GraphTensor, LinearStep<W>>();
  const left = new Set<Step<W>>();
  for (const step of steps) {
    const product = step.op === 'glu' ? products.get(step.inputs[0].base) : undefined;
    if (step.op === 'glu' && product !== undefined && reads.get(product.out) === 2 && areHalves(step, product)) {
      left.delete(product);
      left.add({ ...product, name: step.name, out: step.out, glu: step.activation });
    } else {
      left.add(step);
    }
    if (step.op === 'linear') products.set(step.out, step);
  }
  return [...left];
}

/** Whether the gate is the first half of the product's columns and the gated input is the second. */
function areHalves<W extends Weight>({ inputs: [gate, up], row }: GluStep, product: LinearStep<W>): boolean {
  const { out, inputs, parts, activation } = product;
  if (product.row !== row || inputs.length !== 1 || activation !== undefined || parts[0].scale !== undefined) {
    return false;
  }
  return (
    gate.base === up.base &&
    gate.start === 0 &&
    up.start === gate.cols &&
    out.cols === 2 * gate.cols &&
    parts.length <= 2
  );
}
