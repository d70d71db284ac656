// Rounds in which sides take turns, so that drift of the machine meets all of them alike. A round that other work disturbed is repeated.
import { watchOtherLoad } from './other-load.mjs';

/** A round counts as disturbed if other processes took more than this share of the cores, and more than a few ticks. */
const undisturbed = { share: 0.05, seconds: 0.05 };

/** Ratios of a table that is written lie within this: (highest − lowest) / median. */
export const maxSpread = 0.15;

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** The value that a `part` of `sorted` values lies below. */
export const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];

/** The whole range of `values` as a part of their median. */
export const spreadOf = (values) => (Math.max(...values) - Math.min(...values)) / median(values);

/** Whether a ratio is below `least`, or its inverse is: a rule that measures one direction again and not the other prefers a side. */
export const isApart = (ratio, least) => Math.min(ratio, 1 / ratio) < least;

/**
 * Runs `sides` (name → function that does one round and gives its result) by turns until `rounds` rounds were undisturbed, or twice as many
 * were run: then the least disturbed ones count.
 * @returns `{runs, rounds, otherLoad, repeated}`: per side the results of the rounds that count, and how many these are; the largest share of the
 * cores that other processes took in one of them (`undefined` where that is unknown); the number of rounds that were left out
 */
export async function takeTurns(sides, rounds, { warmUp = true, watch = watchOtherLoad } = {}) {
  const names = Object.keys(sides);
  if (warmUp) for (const name of names) await sides[name]();
  const done = [];
  const calm = () => done.filter(({ disturbed }) => !disturbed).length;
  while (calm() < rounds && done.length < 2 * rounds) {
    const otherLoad = watch();
    const results = {};
    for (const name of done.length % 2 ? names.toReversed() : names) results[name] = await sides[name]();
    const other = otherLoad();
    const disturbed = other !== undefined && other.share > undisturbed.share && other.seconds > undisturbed.seconds;
    done.push({ results, disturbed, share: other?.share });
  }
  const counted = done.toSorted((a, b) => (a.share ?? 0) - (b.share ?? 0)).slice(0, rounds);
  const shares = counted.map(({ share }) => share).filter((share) => share !== undefined);
  return {
    runs: Object.fromEntries(names.map((name) => [name, counted.map(({ results }) => results[name])])),
    rounds: counted.length,
    otherLoad: shares.length > 0 ? Math.max(...shares) : undefined,
    repeated: done.length - counted.length,
  };
}

/** Measures a cell (`measure` gives `{spread, …}`) until its ratios lie within `maxSpread`, at most three times; the steadiest counts. */
export async function steadiest(measure) {
  let best;
  for (let attempt = 0; attempt < 3; attempt++) {
    const cell = await measure();
    if (best === undefined || cell.spread < best.spread) best = cell;
    if (best.spread <= maxSpread) break;
  }
  return best;
}

/** `other processes took at most 3 % of the cores in a round; 2 disturbed rounds were repeated`, of results of `takeTurns` or cells made of them. */
export function loadLine(cells) {
  const shares = cells.map(({ otherLoad }) => otherLoad).filter((share) => share !== undefined);
  if (shares.length === 0) return 'other load on the machine is unknown: only Linux tells';
  const repeated = cells.reduce((sum, cell) => sum + cell.repeated, 0);
  const again = repeated === 1 ? '1 disturbed round was' : `${repeated} disturbed rounds were`;
  return `other processes took at most ${(100 * Math.max(...shares)).toFixed(0)} % of the cores in a round; ${again} repeated`;
}

/**
 * Why a table with these cells (`{name, spread, rounds, otherLoad, repeated}`) must not be written, or `undefined` if it may be.
 */
export function whyNotWritten(cells, file) {
  if (cells.length === 0) return `${file} was not written, since nothing was measured.`;
  const single = cells.filter(({ rounds }) => rounds < 2);
  if (single.length > 0)
    return `${file} was not written, since one round does not show how far ratios spread: ${single.map(({ name }) => name).join('; ')}. Run it with at least two.`;
  const wide = cells.filter(({ spread }) => !(spread <= maxSpread));
  if (wide.length === 0) return undefined;
  const list = wide.map(({ name, spread }) => `  ${name}: ${(100 * spread).toFixed(0)} %`).join('\n');
  return `${file} was not written, since ratios of these cells spread over ${100 * maxSpread} %:\n${list}\n${loadLine(cells)}. Run it again on a quiet machine, or with more time a round.`;
}
