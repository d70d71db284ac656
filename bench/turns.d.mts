interface Watched {
  readonly share: number;
  readonly seconds: number;
}
interface Cell {
  readonly name: string;
  readonly spread: number;
  readonly rounds: number;
  readonly otherLoad: number | undefined;
  readonly repeated: number;
}
export const maxSpread: number;
export function median(values: readonly number[]): number;
export function quantile(sorted: readonly number[], part: number): number;
export function spreadOf(values: readonly number[]): number;
export function isApart(ratio: number, least: number): boolean;
export function takeTurns<T>(
  sides: Readonly<Record<string, () => T | Promise<T>>>,
  rounds: number,
  options?: { readonly warmUp?: boolean; readonly watch?: () => () => Watched | undefined },
): Promise<{ runs: Record<string, T[]>; rounds: number; otherLoad: number | undefined; repeated: number }>;
export function loadLine(cells: readonly Pick<Cell, 'otherLoad' | 'repeated'>[]): string;
export function whyNotWritten(cells: readonly Cell[], file: string): string | undefined;
export function steadiest<T extends { readonly spread: number }>(measure: () => Promise<T>): Promise<T>;
