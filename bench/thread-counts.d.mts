export function threadCounts(nCores: number, list?: readonly number[]): number[];
export function efficiencies(
  results: Readonly<Record<string, { tokensPerSecond: number; ratio: number; low: number; high: number }>>,
): { threads: number; rate: number; efficiency: number; spread: number }[];
