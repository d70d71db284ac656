/**
 * @file Reads a section of a preset file: options by the names of their flags, and settings that only presets have.
 */
import { listenOptions } from '../../options/listen-options.ts';
import type { ValueSource } from '../../options/option-effects.ts';
import { findKnownKey, findOptionKey } from '../../options/option-keys.ts';
import type { OptionValues } from '../../options/option-table.ts';
import { type OptionValue, readOptionValue, readSwitch } from '../../options/option-values.ts';
import { routerOptions } from '../../options/router-options.ts';
import { serverOptions } from '../../options/server-options.ts';
import { UsageError } from '../../usage-error.ts';

/** Options of the server that can differ between models. */
const ofModels = ['alias', 'tags', 'reranking', 'promptsFile', 'defaultPromptName', 'parallel', 'kvUnified'];
/** Options of the whole server. */
const ofServer: ReadonlySet<string> = new Set(
  [...listenOptions, ...serverOptions, ...routerOptions]
    .map(({ name }) => name)
    .filter((name) => !ofModels.includes(name)),
);

/** The content of a section. */
export interface Section {
  /** The options that it sets. */
  readonly values: Partial<OptionValues>;
  /** Where each value comes from. */
  readonly sources: ReadonlyMap<string, ValueSource>;
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
  const sources = new Map<string, ValueSource>();
  const notes: string[] = [];
  let loadOnStartup: boolean | undefined;
  for (const [key, text] of entries) {
    if (key === 'stop-timeout' || key === 'dedup-cache-models') continue;
    const label = `preset '${id}': ${key}`;
    if (key === 'load-on-startup') {
      loadOnStartup = readSwitch(text, label);
      continue;
    }
    const found = findOptionKey(key, ({ commands }) => commands.includes('serve'));
    if (found === undefined) {
      notes.push(ignoredNote(id, key));
      continue;
    }
    const { option, off } = found;
    if (ofServer.has(option.name)) {
      notes.push(`${label} is ignored: it is an option of the whole server`);
      continue;
    }
    const value = option.type === 'switch' ? readSwitch(text, label) !== off : readOptionValue(option, text, label);
    values.set(option.name, value);
    sources.set(option.name, { layer: 'file', label });
  }
  return { values: Object.fromEntries(values) as Partial<OptionValues>, sources, loadOnStartup, notes };
}

/** @throws UsageError for a key that is not a flag of llama-server, or is refused */
function ignoredNote(id: string, key: string): string {
  const known = findKnownKey(key);
  if (known === undefined) throw new UsageError(`option '${key}' not recognized in preset '${id}'`);
  if (known.refused) throw new UsageError(`preset '${id}': ${key} is not supported: ${known.why}`);
  return `preset '${id}': ${key} is ignored: ${known.why}`;
}
