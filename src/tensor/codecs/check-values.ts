/**
 * @file Whether values can be written in a type: nothing becomes infinite on the way.
 */
import type { GgmlType } from '../../gguf/index.ts';

/** The largest half float, and what values must stay below to be rounded to no more than that. */
const MAX_HALF = 65504;
const ABOVE_HALF = 65520;

/** The first of `values` that is not finite or that `type` does not reach, as `value 7 is 70000; F16 reaches …`. */
export function findUnwritable(values: Float32Array, type: GgmlType, first: number): string | undefined {
  const limit = type.name === 'F32' || type.name === 'BF16' ? Infinity : ABOVE_HALF;
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) < limit) continue;
    const why = Number.isFinite(values[i]) ? `; ${type.name} reaches to ${MAX_HALF}, F32 and BF16 farther` : '';
    return `value ${first + i} is ${values[i]}${why}`;
  }
  return undefined;
}
