export interface Work {
  readonly flops: number;
  readonly bytes: number;
}
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
export function workOf(
  labels: readonly string[],
  options: {
    readonly shape: { readonly nEmbd: number; readonly nFf: number };
    readonly bytesPerWeight: number;
    readonly nSeq: number;
    readonly length: number;
  },
): Work[];
export function roofline(
  timings: readonly { readonly label: string; readonly kernel: string; readonly nanoseconds?: number }[],
  work: readonly Work[],
  ceilings: Ceilings,
): RooflineRow[];
export function rooflineText(rows: readonly RooflineRow[]): string[];
