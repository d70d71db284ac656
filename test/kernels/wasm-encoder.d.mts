/** @file Types of `wasm-encoder.mjs`. */
import type { Ops, PoolKind, Tensor, Weight } from '../../src/tensor/ops.ts';

export const sizes: { nEmbd: number; nFf: number; nHead: number };
export function encoder(ops: Ops, weights: Record<string, Weight>, pooling?: PoolKind): Tensor;
export function layers(ops: Ops, weights: Record<string, Weight>): Tensor;
