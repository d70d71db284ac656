// Random numbers from a seed, so that each run sends the same requests, and each simulation gives the same answer.

/** Uniform numbers in [0, 1): the generator Mulberry32. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Exponentially distributed numbers with this mean. */
export const exponential = (random, mean) => -Math.log(1 - random()) * mean;

/** Normally distributed numbers (Box-Muller). */
export const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
