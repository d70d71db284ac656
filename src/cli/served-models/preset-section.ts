/**
 * @file Reads a section of a preset file: options by the names of their flags, and settings that only presets have.
 */
import { negatedName } from '../environment.ts';
import { knownFlags } from '../llama-flags/known-flags.ts';
import { type OptionValues, optionTable } from '../option-table.ts';
import type { OptionSpec } from '../option-types.ts';
import { type OptionValue, readOptionValue } from '../option-values.ts';
import { routerOptions } from '../options/router-options.ts';
import { serverOptions } from '../options/server-options.ts';
import { UsageError } from '../usage-error.ts';

/** Options of the server that can differ between models. */
const ofModels = ['alias', 'tags', 'reranking', 'promptsFile', 'defaultPromptName', 'parallel', 'kvUnified'];
/** Options of the whole server. */
const ofServer: ReadonlySet<string> = new Set(
  [...serverOptions, ...routerOptions].map(({ name }) => name).filter((name) => !ofModels.includes(name)),
);

/** The content of a section. */
export interface Section {
  /** The options that it sets. */
  readonly values: Partial<OptionValues>;
  readonly loadOnStartup: boolean | undefined;
  /** Notes for the user: keys without effect. */
  readonly notes: readonly string[];
}

/**
 * Reads the keys of a section.
 * @throws UsageError for a key that is not an option, and for a value that its option does not take
 */
export function readSection(id: string, entries: readonly (readonly [key: string, value: string])[]): Section {
  const values = new Map<string, OptionValue>();
  const notes: string[] = [];
  let loadOnStartup: boolean | undefined;
  for (const [key, text] of entries) {
    if (key === 'stop-timeout' || key === 'dedup-cache-models') continue;
    if (key === 'load-on-startup') {
      loadOnStartup = isOn(text);
      continue;
    }
    const found = findOption(key);
    if (found === undefined) {
      notes.push(ignoredNote(id, key));
      continue;
    }
    const { option, off } = found;
    if (ofServer.has(option.name)) notes.push(`preset '${id}': ${key} is ignored: it is an option of the whole server`);
    else if (option.type === 'switch') values.set(option.name, isOn(text) !== off);
    else values.set(option.name, readOptionValue(option, text, `preset '${id}': ${key}`));
  }
  return { values: Object.fromEntries(values) as Partial<OptionValues>, loadOnStartup, notes };
}

/** Values of switches that are on; every other value is off. */
function isOn(text: string): boolean {
  return ['true', '1', 'on', 'enabled'].includes(text);
}

/** The option that a key names by a flag without its dashes, or by its variable. */
function findOption(key: string): { readonly option: OptionSpec; readonly off: boolean } | undefined {
  const name = key.replaceAll('_', '-');
  for (const option of optionTable) {
    if (!option.commands.includes('serve')) continue;
    const isNamed = (flags: readonly string[]) => flags.some((flag) => flag === `--${name}` || flag === `-${key}`);
    if (isNamed(option.flags) || option.env === key) return { option, off: false };
    if (option.type !== 'switch' || option.off === undefined) continue;
    if (isNamed(option.off) || (option.env !== undefined && negatedName(option.env) === key)) {
      return { option, off: true };
    }
  }
  return undefined;
}

/** @throws UsageError for a key that is not a flag of llama-server, or is refused */
function ignoredNote(id: string, key: string): string {
  const name = key.replaceAll('_', '-');
  const known = knownFlags.find(
    ({ spellings, env }) => spellings.includes(`--${name}`) || spellings.includes(`-${key}`) || env === key,
  );
  if (known === undefined) throw new UsageError(`option '${key}' not recognized in preset '${id}'`);
  if (known.refused) throw new UsageError(`preset '${id}': ${key} is not supported: ${known.why}`);
  return `preset '${id}': ${key} is ignored: ${known.why}`;
}
