// What is measured and how: token ids made from a seed, alternating rounds, and the statistics of their ratios.
import { median, spreadOf, takeTurns } from '../turns.mjs';

/** Repeatable ids inside a vocabulary of `nVocab`: `count` texts of `length` tokens, with BERT's [CLS] and [SEP] where it has them. */
export function makeTexts(count, length, nVocab, seed = 1) {
  let state = seed >>> 0 || 1;
  const lowest = nVocab > 4000 ? 1996 : 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return lowest + (state % (nVocab - lowest));
  };
  const [first, last] = nVocab > 30000 ? [101, 102] : [1, 2];
  return Array.from({ length: count }, () => [first, ...Array.from({ length: length - 2 }, next), last]);
}

/** Tokens of the longest of `mixedTexts`. */
export const longestMixed = 400;

/** The 32 texts of mixed length of the "one call" measurement: 6 to 400 tokens, most of them short. */
export function mixedTexts(nVocab) {
  return Array.from(
    { length: 32 },
    (_, i) => makeTexts(1, 6 + Math.round((longestMixed - 6) * (((i * 13) % 32) / 31) ** 3), nVocab, i + 1)[0],
  );
}

/** A description of a backend without its number of threads, which tables have in a column. */
export const withoutThreads = (description) => description.replace(/, (one thread|\d+ threads)/, '');

export const countTokens = (texts) => texts.reduce((sum, ids) => sum + ids.length, 0);

const geometricMean = (values) => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);

/** Texts of more tokens than this are measured one by one, in fewer rounds. */
const longText = 512;

/**
 * How many texts of `length` tokens make a round of about `perRound` tokens, how many rounds are measured if `rounds` are wanted, and
 * whether an unmeasured one comes first. A round of 8192 tokens takes a minute: what the first one does more is no part of that.
 */
export function effort(length, perRound, rounds) {
  if (length <= longText) return { count: Math.max(2, Math.ceil(perRound / length)), rounds, warmUp: true };
  return { count: 1, rounds: Math.min(rounds, length <= 2048 ? 3 : 2), warmUp: length <= 2048 };
}

/**
 * Runs `sides` (name → function that does one round and gives seconds) by turns, after one unmeasured round unless `warmUp` is false.
 * @returns `{results, spread, otherLoad, repeated}`: per side the median tokens/s and its ratios to `base`, round by round; the widest range of
 * these ratios as a part of their median; the rest as `takeTurns` gives it
 */
export async function alternate(sides, tokens, rounds, base, { warmUp = true } = {}) {
  const { runs, ...load } = await takeTurns(sides, rounds, { warmUp });
  const results = {};
  let spread = 0;
  for (const [name, seconds] of Object.entries(runs)) {
    const ratios = seconds.map((s, i) => runs[base][i] / s);
    results[name] = {
      tokensPerSecond: median(seconds.map((s) => tokens / s)),
      ratio: median(ratios),
      low: Math.min(...ratios),
      high: Math.max(...ratios),
    };
    spread = Math.max(spread, spreadOf(ratios));
  }
  return { results, spread, ...load };
}

/**
 * What more threads than one are worth: geometric means over the models.
 * @returns `{side, threads, gains: [{tokensPerText, mean}]}`
 */
export function scaling(cells) {
  const key = ({ model, type, tokensPerText }) => [model, type, tokensPerText].join();
  const alone = new Map(cells.filter((c) => c.threads === 1).map((c) => [key(c), c]));
  const pairs = cells
    .filter((c) => c.threads > 1 && alone.has(key(c)))
    .map((cell) => ({ cell, one: alone.get(key(cell)) }));
  const different = (of) => [...new Set(pairs.flatMap(({ cell }) => of(cell)))];
  return different((c) => c.threads).flatMap((threads) =>
    different((c) => Object.keys(c.results)).map((side) => {
      const gains = new Map();
      for (const { cell, one } of pairs) {
        if (cell.threads !== threads || !cell.results[side]) continue;
        const gain = cell.results[side].tokensPerSecond / one.results[side].tokensPerSecond;
        gains.set(cell.tokensPerText, [...(gains.get(cell.tokensPerText) ?? []), gain]);
      }
      return {
        side,
        threads,
        gains: [...gains].map(([tokensPerText, values]) => ({ tokensPerText, mean: geometricMean(values) })),
      };
    }),
  );
}

/** Tokens a text that the means are taken over. */
export const meanLengths = [32, 128, 512];

/**
 * Geometric means of the ratios of our sides to each other one, over what the target is stated over: one thread, and 32, 128 and
 * 512 tokens a text (those of them that were measured).
 * @returns `{side, base, mean}` of each pair
 */
export function means(cells) {
  const counted = cells.filter((c) => c.threads === 1 && meanLengths.includes(c.tokensPerText));
  const sides = Object.keys(counted[0]?.results ?? {});
  const isPeer = (side) => side === 'llama' || side.startsWith('onnx');
  return sides.filter(isPeer).flatMap((base) =>
    sides
      .filter((side) => !isPeer(side))
      .map((side) => {
        const ratios = counted.map(({ results }) => results[side].tokensPerSecond / results[base].tokensPerSecond);
        return { side, base: base === 'llama' ? 'llama.cpp' : base, mean: geometricMean(ratios) };
      }),
  );
}
