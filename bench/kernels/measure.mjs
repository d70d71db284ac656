/** @file How long a rung takes, and how exact it is. */

/** Milliseconds of the fastest of many runs: what the machine can do when nobody else uses it. `run` may give its own time. */
async function fastest(run, budget) {
  let best = Number.POSITIVE_INFINITY;
  const until = performance.now() + budget;
  for (let i = 0; i < 5 || (performance.now() < until && i < 60); i++) {
    const start = performance.now();
    const own = await run();
    best = Math.min(best, own ?? performance.now() - start);
    // A page stays usable between two runs.
    if (performance.now() - start > 50) await new Promise((resolve) => setTimeout(resolve));
  }
  return best;
}

/**
 * Clock in GHz, from a chain of 32-bit multiply-adds of which each waits for the one before: 4 cycles a link (3 + 1) on the
 * x86-64 and Arm cores of the last ten years. An estimate: the % column is only as good as it.
 */
export async function clock() {
  const links = 1 << 18;
  const chain = (start) => {
    let x = start;
    for (let i = 0; i < links; i++) x = (Math.imul(x, 0x10dcd) + 1) | 0;
    return x;
  };
  let x = 1;
  const best = await fastest(() => {
    x = chain(x);
  }, 500);
  if (Number.isNaN(x)) throw new Error('keeps the chain from being left out');
  return (4 * links) / best / 1e6;
}

/** `length` numbers between −1 and 1, the same every time. */
export function uniform(length, seed) {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    return state / 2 ** 31;
  });
}

/** Length of the difference to `exact` over the length of `exact`. */
export function relativeError(values, exact) {
  const size = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0));
  return Math.sqrt(values.reduce((sum, value, i) => sum + (value - exact[i]) ** 2, 0)) / size;
}

/**
 * Runs one rung of a ladder (see `ladder.mjs`).
 * @param budget milliseconds after which no more runs begin
 * @returns `{ macs, error, kernel }`, multiply-adds a second in billions and the error relative to the naive rung; or `{ missing }`, a reason
 */
export async function measure(rung, budget) {
  const prepared = await rung.prepare();
  if (prepared.missing !== undefined) return prepared;
  try {
    for (let i = 0; i < 3; i++) await prepared.run();
    // Lets the background compiler finish.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const milliseconds = await fastest(prepared.run, budget);
    const error = relativeError(await prepared.result(), rung.exact());
    return { macs: rung.macs / milliseconds / 1e6, error, kernel: prepared.kernel?.() };
  } finally {
    prepared.dispose?.();
  }
}
