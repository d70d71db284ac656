/**
 * @file The sample of a tensor: its first and last three entries along each axis, which is what llama.cpp's `llama-eval-callback` prints.
 */

/** Entries at each end of an axis. An axis with at most twice as many entries is sampled whole. */
const AT_EACH_END = 3;

/**
 * The indices of a tensor's sample in its row-major values.
 * @param shape slowest axis first
 */
export function sampleIndices(shape: readonly number[]): number[] {
  let indices = [0];
  for (const length of shape) {
    const shown = ends(length);
    indices = indices.flatMap((index) => shown.map((i) => index * length + i));
  }
  return indices;
}

function ends(length: number): number[] {
  const first = Array.from({ length: Math.min(length, 2 * AT_EACH_END) }, (_, i) => i);
  return first.map((i) => (i < AT_EACH_END ? i : i + length - first.length));
}
