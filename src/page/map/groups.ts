/**
 * @file Which colour a point has: by its cluster, or by a column of the file.
 */

/** Points in groups of one colour each. */
export interface Groups {
  /** What the legend says, by group. */
  readonly names: readonly string[];
  /** The group of each point. */
  readonly of: Uint8Array;
}

/** Colours that people without full colour vision can tell apart, too, for light and dark screens (Okabe and Ito; then others). */
export const groupColours = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#7a5fd0',
  '#8c7a3f',
  '#c94f7c',
  '#6b7280',
] as const;

/** Values that get a colour of their own; the others share the last one. */
const MAX_VALUES = groupColours.length - 1;
/** Parts that numbers are divided into, with as many points each. */
const PARTS = 6;

/** Groups by the values of a column: by ranges if they are numbers, else by value. */
export function groupByColumn(values: readonly string[], others: string): Groups {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const isNumber = [...counts.keys()].every((value) => value.trim() !== '' && Number.isFinite(Number(value)));
  if (isNumber && counts.size > groupColours.length) return groupByRange(values.map(Number));
  const names = [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value);
  const known = new Map(names.slice(0, MAX_VALUES).map((name, i) => [name, i]));
  const rest = names.length > MAX_VALUES ? [others] : [];
  return {
    names: [...names.slice(0, MAX_VALUES).map((name) => name || '∅'), ...rest],
    of: Uint8Array.from(values, (value) => known.get(value) ?? MAX_VALUES),
  };
}

function groupByRange(values: readonly number[]): Groups {
  const sorted = Float64Array.from(values).sort();
  const ends = Array.from({ length: PARTS }, (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / PARTS) - 1]);
  const of = Uint8Array.from(values, (value) => ends.findIndex((end) => value <= end));
  const names = ends.map((end, i) => `${i === 0 ? sorted[0] : ends[i - 1]} – ${end}`);
  return { names, of };
}

/** The points of each group; of the `selected` ones alone if some are. */
export function groupSizes({ names, of }: Groups, selected: readonly number[] | undefined): number[] {
  const sizes = names.map(() => 0);
  if (selected === undefined) for (const group of of) sizes[group]++;
  else for (const i of selected) sizes[of[i]]++;
  return sizes;
}

/** The colours of all points, four bytes each; those outside of `selected` are faint. */
export function pointColours({ of }: Groups, selected: readonly number[] | undefined): Uint8Array {
  const bytes = groupColours.map((colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)));
  const colours = new Uint8Array(4 * of.length);
  for (let i = 0; i < of.length; i++) {
    const [red, green, blue] = bytes[of[i] % bytes.length];
    colours[4 * i] = red;
    colours[4 * i + 1] = green;
    colours[4 * i + 2] = blue;
    colours[4 * i + 3] = selected === undefined ? 217 : 40;
  }
  for (const i of selected ?? []) colours[4 * i + 3] = 217;
  return colours;
}
