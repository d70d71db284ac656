// Which numbers of threads a machine is measured with, and how well each uses its cores.

/**
 * Numbers of threads from 1 to `nCores`: each up to 8, then powers of two and the numbers halfway between them, and all cores.
 * @param list used instead; 1 is added, since efficiency is relative to it
 */
export function threadCounts(nCores, list = upTo(nCores)) {
  return [...new Set([1, ...list])].sort((a, b) => a - b);
}

function upTo(nCores) {
  const numbers = [nCores];
  for (let n = 1; n < nCores; n = n < 8 ? n + 1 : nextStep(n)) numbers.push(n);
  return numbers;
}

/** 8, 12, 16, 24, 32, … */
function nextStep(n) {
  return Number.isInteger(Math.log2(n)) ? n * 1.5 : (n / 3) * 4;
}

/**
 * Of results of `alternate` by number of threads, whose tokens were texts and whose base was one thread.
 * @returns `{threads, rate, efficiency, spread}`: texts a second; the median of the ratios to one thread over the number of threads; their range
 * as a part of it
 */
export function efficiencies(results) {
  return Object.entries(results).map(([threads, { tokensPerSecond, ratio, low, high }]) => ({
    threads: Number(threads),
    rate: tokensPerSecond,
    efficiency: ratio / Number(threads),
    spread: (high - low) / ratio,
  }));
}
