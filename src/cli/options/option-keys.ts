/**
 * @file Finds what a key of a file stands for: options by the names of their flags without dashes, in configurations and presets.
 */
import { type KnownFlag, knownFlags } from '../llama-flags/known-flags.ts';
import { negatedName } from './environment.ts';
import { optionTable } from './option-table.ts';
import type { OptionSpec } from './option-types.ts';

/** An option, and whether the key is a spelling that turns it off. */
export interface OptionKey {
  readonly option: OptionSpec;
  readonly off: boolean;
}

/** The first option that a key names by a flag without its dashes, or by its variable. Underscores count as dashes. */
export function findOptionKey(key: string, isCandidate: (option: OptionSpec) => boolean): OptionKey | undefined {
  for (const option of optionTable) {
    if (!isCandidate(option)) continue;
    if (names(key, option.flags) || option.env === key) return { option, off: false };
    if (option.type !== 'switch' || option.off === undefined) continue;
    if (names(key, option.off) || (option.env !== undefined && negatedName(option.env) === key)) {
      return { option, off: true };
    }
  }
  return undefined;
}

/** The flag of llama.cpp's programs that a key names and that this program does not have. */
export function findKnownKey(key: string): KnownFlag | undefined {
  return knownFlags.find(({ spellings, env }) => names(key, spellings) || env === key);
}

function names(key: string, flags: readonly string[]): boolean {
  return flags.includes(`--${key.replaceAll('_', '-')}`) || flags.includes(`-${key}`);
}
