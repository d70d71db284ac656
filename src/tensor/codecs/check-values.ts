/**
 * @file Checks whether values can be written in a type without becoming infinite.
 */
import type { GgmlType } from '../../gguf/index.ts';

/** The largest half float, and the limit below which values round to at most that. */
const MAX_HALF = 65504;
const ABOVE_HALF = 65520;

/** Describes the first of `values` that is not finite or is too large for `type`: `value 7 is 70000; F16 reaches …`. */
export function findUnwritable(values: Float32Array, type: GgmlType, first: number): string | undefined {
  const limit = type.name === 'F32' || type.name === 'BF16' ? Infinity : ABOVE_HALF;
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) < limit) continue;
    const why = Number.isFinite(values[i])
      ? `; ${type.name} holds values up to ${MAX_HALF}; F32 and BF16 hold larger ones`
      : '';
    return `value ${first + i} is ${values[i]}${why}`;
  }
  return undefined;
}
