/** @file Types of `wasm-encoder.mjs`. */
import type { Ops, Tensor, Weight } from '../../src/tensor/ops.ts';

export const sizes: { nEmbd: number; nFf: number; nHead: number };
export function encoder(ops: Ops, weights: Record<string, Weight>): Tensor;
