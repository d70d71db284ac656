import type { Work } from './work.mjs';

export interface Ceilings {
  readonly copyGBs: number;
  readonly float: number;
  readonly int8: number;
  readonly matrix?: number;
}
export interface RooflineRow extends Work {
  readonly what: string;
  readonly kernel: string;
  readonly launches: number;
  readonly limitNs: number;
  readonly nanoseconds?: number;
  readonly intensity: number;
  readonly bound: 'arithmetic' | 'memory';
  readonly reached?: number;
}
export function roofline(
  timings: readonly { readonly label: string; readonly kernel: string; readonly nanoseconds?: number }[],
  work: readonly Work[],
  ceilings: Ceilings,
): RooflineRow[];
export function rooflineText(rows: readonly RooflineRow[]): string[];
