/**
 * @file Names the flags of the command line where an error or a warning of the engine names options of the library.
 */
import { optionTable } from './option-table.ts';

/** Flags by the names that the engine's messages have for the same option. */
const flags: Readonly<Record<string, string>> = {
  'rope.scaling': '--rope-scaling',
  'rope.freqBase': '--rope-freq-base',
  'rope.freqScale': '--rope-freq-scale or --rope-scale',
  'rope.yarnOrigCtx': '--yarn-orig-ctx',
  'rope.yarnExtFactor': '--yarn-ext-factor',
  'rope.yarnAttnFactor': '--yarn-attn-factor',
  'rope.yarnBetaFast': '--yarn-beta-fast',
  'rope.yarnBetaSlow': '--yarn-beta-slow',
  rankTokens: '--rank-tokens',
  'or allow requantising': 'or accept the loss with --allow-requantize',
  'do not set the option worker to false': 'leave out --no-worker',
  'with reproducible,': 'with --reproducible,',
};

const names = new RegExp(
  `(?<![\\w.])(?:${Object.keys(flags)
    .map((name) => name.replaceAll('.', '\\.'))
    .join('|')})(?![\\w.])`,
  'g',
);

/**
 * The message with flags for the options of the library.
 * @param command the command whose user reads it
 */
export function inFlags(message: string, command?: string): string {
  const cuts = optionTable.some(({ name, commands }) => name === 'truncate' && commands.some((one) => one === command));
  return message
    .replaceAll(' or allow truncation', cuts ? ' or cut it with --truncate end' : '')
    .replaceAll(names, (name) => flags[name]);
}
