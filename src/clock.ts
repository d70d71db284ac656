/**
 * @file A clock for durations. The first use of `performance` makes Node load eleven modules, which takes 2 ms of a start; `process.hrtime` is
 * there from the beginning.
 */

const { process } = globalThis as { process?: { versions?: { node?: string }; hrtime?: () => [number, number] } };
const node = process?.versions?.node === undefined ? undefined : process;

/** Milliseconds since some moment, never fewer than before. */
export function now(): number {
  if (node?.hrtime === undefined) return performance.now();
  const [seconds, nanoseconds] = node.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
