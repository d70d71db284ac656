/**
 * @file Parses arguments and environment with the option table. Arguments override the environment, which overrides a configuration, which
 * overrides the default.
 */
import { nearest } from '../../nearest.ts';
import { type KnownFlag, knownFlags } from '../llama-flags/known-flags.ts';
import { UsageError } from '../usage-error.ts';
import { answers, type Configuration, overridingOption } from './configuration.ts';
import { type Environment, environmentNotes, valueFromEnvironment } from './environment.ts';
import { optionEffects, type ValueSource } from './option-effects.ts';
import { type OptionValues, optionTable } from './option-table.ts';
import { type CommandName, computing, type OptionSpec } from './option-types.ts';
import { choicesOf, type OptionValue, readOptionValue } from './option-values.ts';

/** What flags say. */
interface Flags {
  readonly command: CommandName;
  readonly values: ReadonlyMap<string, OptionValue>;
  readonly given: ReadonlyMap<string, readonly OptionValue[]>;
  readonly positionals: readonly string[];
  readonly notes: readonly string[];
}

/** A parsed command line. */
export interface Parsed {
  readonly command: CommandName;
  readonly values: OptionValues;
  /** The options that are set, with all values of those that may be given several times. */
  readonly given: ReadonlyMap<string, readonly OptionValue[]>;
  /** Where they are set. */
  readonly sources: ReadonlyMap<string, ValueSource>;
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
  return completeOptions(readFlags(command, args), env, undefined);
}

/**
 * Parses as `parseOptions`, and reads the configuration that the arguments or the environment name.
 * @throws UsageError as `parseOptions`, and for a configuration that is not valid
 */
export async function parseWithConfiguration(
  command: CommandName,
  args: readonly string[],
  env: Environment,
): Promise<Parsed> {
  const flags = readFlags(command, args);
  const option = optionTable.find(({ name }) => name === 'config')!;
  const path = flags.values.get(option.name) ?? valueFromEnvironment(option, env);
  if (typeof path !== 'string' || answers.some((name) => flags.values.has(name))) {
    return completeOptions(flags, env, undefined);
  }
  const { readConfiguration } = await import('./config-file.ts');
  const from = flags.values.has(option.name) ? '--config' : option.env!;
  return completeOptions(flags, env, await readConfiguration(command, path, from));
}

function readFlags(command: CommandName, args: readonly string[]): Flags {
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
      if (values.get(option.name) === off) notes.push(`${flag} was given after its opposite: the last one counts`);
      values.set(option.name, !off);
      given.set(option.name, [!off]);
      continue;
    }
    const text = inline ?? args[++i];
    const expected = [`${flag} needs a value`, choicesOf(option)].filter((part) => part !== '').join(', ');
    if (text === undefined) throw new UsageError(expected);
    if (inline === undefined && !takesAnyText(option) && meanings.has(splitFlag(text)[0])) {
      throw new UsageError(`${expected}, but ${text} follows it (is a variable unset?)`);
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

  return { command, values, given, positionals, notes };
}

/** Adds what flags do not say: variables, then the configuration, then defaults. */
function completeOptions(flags: Flags, env: Environment, configuration: Configuration | undefined): Parsed {
  const { command, positionals } = flags;
  const values = new Map(flags.values);
  const given = new Map(flags.given);
  const sources = new Map<string, ValueSource>([...given.keys()].map((name) => [name, { layer: 'flag' }]));
  const notes = [...flags.notes];
  for (const option of optionTable) {
    if (values.has(option.name) || !handles(option, command)) continue;
    const value = valueFromEnvironment(option, env);
    if (value === undefined) continue;
    values.set(option.name, value);
    given.set(option.name, [value]);
    sources.set(option.name, { layer: 'environment', label: option.env });
  }
  const computes = computing.some((name) => name === command) && !values.has('help') && !values.has('version');
  if (computes) notes.push(...environmentNotes(env));
  const before = [...sources.keys()];
  notes.push(...(configuration?.notes ?? []));
  for (const [name, { value, all, label }] of configuration?.entries ?? []) {
    if (sources.has(name)) continue;
    const other = overridingOption(before, name);
    if (other !== undefined) {
      const { label: overriding = optionTable.find((option) => option.name === other)!.flags.at(-1) } =
        sources.get(other)!;
      notes.push(`${label} is ignored: ${overriding} overrides it`);
      continue;
    }
    values.set(name, value);
    given.set(name, all);
    sources.set(name, { layer: 'file', label });
  }
  const all = allValues(values);
  if (answers.some((name) => values.has(name))) return { command, values: all, given, sources, positionals, notes };
  const effects = optionEffects({ command, values: all, given, sources });
  for (const name of effects.ignored) for (const map of [values, given, sources]) map.delete(name);
  return { command, values: allValues(values), given, sources, positionals, notes: [...notes, ...effects.notes] };
}

/** The value of every option, with the defaults of those that are not set. */
function allValues(values: ReadonlyMap<string, OptionValue>): OptionValues {
  const withDefaults = optionTable.map((option) => [
    option.name,
    values.get(option.name) ?? ('default' in option ? option.default : undefined),
  ]);
  return Object.fromEntries(withDefaults) as OptionValues;
}

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
  const near = nearFlags(flag, meanings);
  const hint = near.length > 0 ? `: did you mean ${near.join(', or ')}?` : '';
  return new UsageError(`unknown option ${flag}${hint} (see ${command} --help)`);
}

/** The short flag that has one dash less, the long flag that is spelt most like an unknown one, or else those with its words among theirs. */
function nearFlags(flag: string, meanings: Meanings): string[] {
  const isOption = ([name, meaning]: [string, Meaning]) => name.startsWith('--') && 'option' in meaning;
  const names = [...meanings].filter(isOption).map(([name]) => name.slice(2));
  const wanted = flag.replace(/^-+/, '');
  if (meanings.has(`-${wanted}`)) return [`-${wanted}`];
  const near = nearest(wanted, names);
  const words = wanted.split('-');
  const hasAll = (name: string) => words.every((word) => name.split('-').includes(word));
  return (near === undefined ? names.filter(hasAll) : [near]).map((name) => `--${name}`);
}
