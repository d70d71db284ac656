/**
 * @file Parses arguments and environment with the option table. Arguments override the environment, which overrides the default.
 */

import { nearest } from '../nearest.ts';
import { type Environment, environmentNotes, valueFromEnvironment } from './environment.ts';
import { type KnownFlag, knownFlags } from './llama-flags/known-flags.ts';
import { optionEffects } from './option-effects.ts';
import { type OptionValues, optionTable } from './option-table.ts';
import { type CommandName, computing, type OptionSpec } from './option-types.ts';
import { type OptionValue, readOptionValue } from './option-values.ts';
import { UsageError } from './usage-error.ts';

/** A parsed command line. */
export interface Parsed {
  readonly command: CommandName;
  readonly values: OptionValues;
  /** The options that a flag or a variable sets, with all values of those that may be given several times. */
  readonly given: ReadonlyMap<string, readonly OptionValue[]>;
  /** Arguments that are not flags. */
  readonly positionals: readonly string[];
  /** Notes for the user: flags without effect, repeated flags. */
  readonly notes: readonly string[];
}

type Meaning = { readonly option: OptionSpec; readonly off: boolean } | { readonly known: KnownFlag };
type Meanings = ReadonlyMap<string, Meaning>;

/**
 * Parses the arguments of `command`: `--flag value` or `--flag=value`; underscores in long flags count as dashes; `--` ends flags.
 * @throws UsageError for an unknown or refused flag, a missing or invalid value, and a flag that would have no effect
 */
export function parseOptions(command: CommandName, args: readonly string[], env: Environment): Parsed {
  const meanings = flagMeanings(command);
  const values = new Map<string, OptionValue>();
  const positionals: string[] = [];
  const notes: string[] = [];
  const given = new Map<string, readonly OptionValue[]>();

  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '--') {
      positionals.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      positionals.push(arg);
      continue;
    }
    const [flag, inline] = splitFlag(arg);
    const meaning = meanings.get(flag);
    if (meaning === undefined) throw unknownFlag(flag, command, meanings);
    if ('known' in meaning) {
      const { refused, why, arity } = meaning.known;
      if (refused) throw new UsageError(`${flag} is not supported: ${why}`);
      i += countValues(args.slice(i + 1), inline === undefined ? arity : arity - 1, meanings);
      notes.push(`${flag} is ignored: ${why}`);
      continue;
    }
    const { option, off } = meaning;
    if (option.type === 'switch') {
      if (inline !== undefined) throw new UsageError(`${flag} takes no value`);
      values.set(option.name, !off);
      given.set(option.name, [!off]);
      continue;
    }
    const text = inline ?? args[++i];
    if (text === undefined) throw new UsageError(`${flag} needs a value`);
    if (inline === undefined && !takesAnyText(option) && meanings.has(splitFlag(text)[0])) {
      throw new UsageError(`${flag} needs a value, but ${text} follows it (is a variable unset?)`);
    }
    const value = readOptionValue(option, text, flag);
    const before = values.get(option.name);
    given.set(option.name, [...(given.get(option.name) ?? []), value]);
    if (Array.isArray(value) && Array.isArray(before)) {
      values.set(option.name, [...before, ...value]);
      continue;
    }
    const isSeveral = option.type === 'string' && option.severalFor?.includes(command);
    if (before !== undefined && !isSeveral) notes.push(`${flag} was given twice: the last one counts`);
    values.set(option.name, value);
  }

  const fromEnvironment = new Set<string>();
  for (const option of optionTable) {
    if (values.has(option.name) || !handles(option, command)) continue;
    const value = valueFromEnvironment(option, env);
    if (value === undefined) continue;
    values.set(option.name, value);
    given.set(option.name, [value]);
    fromEnvironment.add(option.name);
  }
  const computes = computing.some((name) => name === command) && !values.has('help') && !values.has('version');
  if (computes) notes.push(...environmentNotes(env));
  const withDefaults = optionTable.map((option) => [
    option.name,
    values.get(option.name) ?? ('default' in option ? option.default : undefined),
  ]);
  const all = Object.fromEntries(withDefaults);
  const runs = !answers.some((name) => values.has(name));
  if (runs) notes.push(...optionEffects({ command, values: all, given, fromEnvironment }));
  return { command, values: all as OptionValues, given, positionals, notes };
}

/** Switches that print something instead of running the command. */
const answers = ['help', 'version', 'listDevices', 'cacheList'];

/** Whether an option belongs to a command. */
export function handles(option: OptionSpec, command: CommandName): boolean {
  return option.commands.includes(command);
}

/** Whether the value may look like a flag, because it is text from the user. */
function takesAnyText(option: OptionSpec): boolean {
  return option.type === 'string' && option.mayBeEmpty === true;
}

/** The flag of an argument in the spelling of the tables, and the value after its `=`. */
function splitFlag(arg: string): [flag: string, inline: string | undefined] {
  if (!arg.startsWith('--')) return [arg, undefined];
  const equals = arg.indexOf('=');
  const flag = equals < 0 ? arg : arg.slice(0, equals);
  return [flag.replaceAll('_', '-'), equals < 0 ? undefined : arg.slice(equals + 1)];
}

/**
 * The number of arguments after a flag without effect that are its values: at most `arity`, and never a flag. A value can be
 * missing because a script was written for a version of llama.cpp in which the flag had none.
 */
function countValues(rest: readonly string[], arity: number, meanings: Meanings): number {
  const end = rest.findIndex((arg) => arg === '--' || meanings.has(splitFlag(arg)[0]));
  return Math.max(0, Math.min(arity, end < 0 ? rest.length : end));
}

function flagMeanings(command: CommandName): Meanings {
  const meanings = new Map<string, Meaning>();
  for (const known of knownFlags) for (const flag of known.spellings) meanings.set(flag, { known });
  for (const option of optionTable) {
    if (!handles(option, command)) continue;
    for (const flag of option.flags) meanings.set(flag, { option, off: false });
    if (option.type === 'switch') for (const flag of option.off ?? []) meanings.set(flag, { option, off: true });
  }
  return meanings;
}

function unknownFlag(flag: string, command: CommandName, meanings: Meanings): UsageError {
  const elsewhere = optionTable.find((option) => option.flags.includes(flag));
  if (elsewhere) {
    return new UsageError(`${flag} is an option of ${elsewhere.commands.join(', ')}, not of ${command}`);
  }
  const near = nearest(flag, flagsWithEffect(meanings));
  return new UsageError(`unknown option ${flag}${near ? `: did you mean ${near}?` : ''} (see ${command} --help)`);
}

function* flagsWithEffect(meanings: Meanings): Generator<string> {
  for (const [flag, meaning] of meanings) if ('option' in meaning) yield flag;
}
