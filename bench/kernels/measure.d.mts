import type { Rung } from './ladder.mjs';

export function uniform(length: number, seed: number): Float32Array;
export function relativeError(values: Float32Array, exact: Float32Array): number;
export function measure(
  rung: Rung,
  budget: number,
): Promise<{ missing: string } | { missing?: undefined; macs: number; error: number; kernel?: string }>;
