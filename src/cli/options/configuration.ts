/**
 * @file Which options of a configuration count, beside those of flags and variables.
 */
import type { OptionValue } from './option-values.ts';

/** An option that a configuration gives. */
export interface ConfigurationEntry {
  readonly value: OptionValue;
  /** All values, where the flag may be given several times. */
  readonly all: readonly OptionValue[];
  /** What to call it in messages: file, line and key. */
  readonly label: string;
}

/** What a configuration says to a command. */
export interface Configuration {
  /** The options of the command, by name. */
  readonly entries: ReadonlyMap<string, ConfigurationEntry>;
  /** Notes for the user: keys without effect. */
  readonly notes: readonly string[];
}

/** Switches that print something instead of running the command. */
export const answers: readonly string[] = ['help', 'version', 'listDevices', 'cacheList'];

/** Options that no configuration has. */
export const commandLineOnly: readonly string[] = [...answers, 'config'];

/**
 * Options by what they override in a configuration beside themselves: another model has another vision tower, and some options say the same
 * thing in two ways.
 */
const overridden: Readonly<Record<string, readonly string[]>> = {
  ...sameAs(['model', 'hfRepo', 'modelUrl'], ['hfFile', 'mmproj', 'mmprojUrl']),
  ...sameAs(['mmproj', 'mmprojUrl', 'mmprojAuto']),
  ...sameAs(['threads', 'threadsBatch']),
  ...sameAs(['ropeScale', 'ropeFreqScale']),
  ...sameAs(['pooling', 'reranking']),
};

/** Each of `names` overrides the others and `more`. */
function sameAs(names: readonly string[], more: readonly string[] = []): Record<string, readonly string[]> {
  return Object.fromEntries(names.map((name) => [name, [...names.filter((other) => other !== name), ...more]]));
}

/** The option in `given` that overrides `name` of a configuration. */
export function overridingOption(given: Iterable<string>, name: string): string | undefined {
  for (const other of given) if (overridden[other]?.includes(name)) return other;
  return undefined;
}
