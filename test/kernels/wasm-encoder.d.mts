/** @file Types of `wasm-encoder.mjs`. */
import type { Ops, PoolKind, Tensor, Weight } from '../../src/tensor/ops.ts';

type Graph = (ops: Ops, weights: Record<string, Weight>, pooling?: PoolKind) => Tensor;
export const sizes: { nEmbd: number; nFf: number; nHead: number };
export const encoder: Graph;
export const graphs: { encoder: Graph; tower: Graph; withImages: Graph; convolutions: Graph };
export function layers(ops: Ops, weights: Record<string, Weight>): Tensor;
