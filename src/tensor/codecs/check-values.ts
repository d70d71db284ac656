/**
 * @file Checks whether values can be written in a type without becoming infinite.
 */
import type { GgmlType } from '../../gguf/index.ts';

/** The largest value of a type, the limit below which values round to at most that, and the types that hold larger ones. */
interface Range {
  readonly largest: number;
  readonly below: number;
  readonly larger: string;
}

/** The types with scales in half floats have its range, too. */
const half: Range = { largest: 65504, below: 65520, larger: 'F32 and BF16 hold' };

const ranges: Readonly<Record<string, Range>> = {
  F32: { largest: Infinity, below: Infinity, larger: '' },
  BF16: { largest: (2 - 2 ** -7) * 2 ** 127, below: (2 - 2 ** -8) * 2 ** 127, larger: 'F32 holds' },
};

/** Describes the first of `values` that is not finite or is too large for `type`: `value 7 is 70000; F16 reaches …`. */
export function findUnwritable(values: Float32Array, type: GgmlType, first: number): string | undefined {
  const { largest, below, larger } = ranges[type.name] ?? half;
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) < below) continue;
    const why = Number.isFinite(values[i]) ? `; ${type.name} holds values up to ${largest}; ${larger} larger ones` : '';
    return `value ${first + i} is ${values[i]}${why}`;
  }
  return undefined;
}
