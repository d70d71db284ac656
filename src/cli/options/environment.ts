/**
 * @file Options from environment variables, and notes about variables that have no effect.
 */
import { nearest } from '../../nearest.ts';
import { knownFlags } from '../llama-flags/known-flags.ts';
import { UsageError } from '../usage-error.ts';
import { optionTable } from './option-table.ts';
import type { OptionSpec } from './option-types.ts';
import { type OptionValue, readOptionValue, readSwitch } from './option-values.ts';

/** What the names of variables begin with, those of llama.cpp's programs and of this one. */
const PREFIX = /^(LLAMA_ARG|GGUF_EMBED)_/;
const ownPart = (name: string) => name.replace(PREFIX, '');

/** The variables of a process. An empty variable counts as unset, for scripts that pass on a variable that is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The value of an option from the environment, or `undefined`.
 * @throws UsageError for an invalid value
 */
export function valueFromEnvironment(option: OptionSpec, env: Environment): OptionValue | undefined {
  if (option.env === undefined) return undefined;
  const text = env[option.env];
  if (option.type !== 'switch') {
    return text === undefined || text === '' ? undefined : readOptionValue(option, text, option.env);
  }
  if (option.off && env[negatedName(option.env)] !== undefined) return false;
  if (text === undefined || text === '') return undefined;
  return readSwitch(text, option.env);
}

/** The variable whose presence turns a switch off. */
export function negatedName(name: string): string {
  return name.replace(PREFIX, '$1_NO_');
}

/**
 * Notes about variables, of llama.cpp's programs and with the prefix of this one, that are set and have no effect here.
 * @throws UsageError for a variable that is refused
 */
export function environmentNotes(env: Environment): string[] {
  const ours = optionTable.flatMap((option) => option.env ?? []);
  const negated = optionTable.flatMap((option) =>
    option.type === 'switch' && option.off && option.env ? negatedName(option.env) : [],
  );
  const known = new Map(knownFlags.flatMap((flag) => (flag.env === undefined ? [] : [[flag.env, flag]])));
  const byOwnPart = new Map(ours.map((name) => [ownPart(name), name]));
  const notes: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if (env[name] === undefined || env[name] === '' || ours.includes(name) || negated.includes(name)) continue;
    const flag = known.get(name) ?? known.get(name.replace(/^LLAMA_ARG_NO_/, 'LLAMA_ARG_'));
    if (flag?.refused) throw new UsageError(`${name} is not supported: ${flag.why}`);
    if (flag !== undefined) notes.push(`${name} is ignored: ${flag.why}`);
    else if (PREFIX.test(name)) {
      const near = byOwnPart.get(nearest(ownPart(name), byOwnPart.keys()) ?? '');
      notes.push(`${name} is ignored: no option has this name${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
  }
  return notes;
}
