/**
 * @file From arguments and environment to values, over the option table. Command line before environment before default.
 */
import { ignoredOptions, refusedOptions } from './foreign-options.ts';
import { nearest } from './nearest.ts';
import { type OptionValues, optionTable } from './option-table.ts';
import {
  type CommandName,
  computing,
  type ForeignOption,
  type ListOption,
  type NumberOption,
  type OptionSpec,
  type StringOption,
} from './option-types.ts';
import { UsageError } from './usage-error.ts';

/** A command line, understood. */
export interface Parsed {
  readonly values: OptionValues;
  /** Arguments that are no flags. */
  readonly positionals: readonly string[];
  /** What the user should know: flags without effect, repeated flags. */
  readonly notes: readonly string[];
}

type Value = string | number | boolean | readonly string[];
type Meaning =
  | { readonly option: OptionSpec; readonly off: boolean }
  | { readonly foreign: ForeignOption; readonly refused: boolean };

/**
 * Reads the arguments of `command`: `--flag value`, `--flag=value`, underscores in long flags like dashes, `--` ends flags.
 * @throws UsageError for an unknown or refused flag, a missing or impossible value
 */
export function parseOptions(
  command: CommandName,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Parsed {
  const known = flagMeanings(command);
  const values = new Map<string, Value>();
  const positionals: string[] = [];
  const notes: string[] = [];

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
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1;
    const flag = spelling(equals < 0 ? arg : arg.slice(0, equals));
    const meaning = known.get(flag);
    if (meaning === undefined) throw unknownFlag(flag, command, known);
    const inline = equals < 0 ? undefined : arg.slice(equals + 1);
    const takeValue = () => {
      const value = inline ?? args[++i];
      if (value === undefined) throw new UsageError(`${flag} needs a value`);
      return value;
    };
    if ('foreign' in meaning) {
      if (meaning.refused) throw new UsageError(`${flag} is not supported: ${meaning.foreign.why}`);
      if (meaning.foreign.takesValue && inline === undefined && looksLikeValue(args[i + 1])) i++;
      notes.push(`${flag} is ignored: ${meaning.foreign.why}`);
      continue;
    }
    const { option, off } = meaning;
    if (option.type === 'switch' && inline !== undefined) throw new UsageError(`${flag} takes no value`);
    if (values.has(option.name) && option.type !== 'switch') notes.push(`${flag} was given twice: the last one counts`);
    values.set(option.name, option.type === 'switch' ? !off : readValue(option, takeValue(), flag));
  }

  for (const option of optionTable) {
    if (values.has(option.name) || !handles(option, command)) continue;
    const value = fromEnvironment(option, env);
    if (value !== undefined) values.set(option.name, value);
  }
  for (const foreign of ignoredOptions) {
    if (foreign.env !== undefined && env[foreign.env] !== undefined) {
      notes.push(`${foreign.env} is ignored: ${foreign.why}`);
    }
  }
  const computes = computing.some((name) => name === command) && !values.has('help') && !values.has('version');
  for (const foreign of computes ? refusedOptions : []) {
    if (foreign.env !== undefined && env[foreign.env] !== undefined) {
      throw new UsageError(`${foreign.env} is not supported: ${foreign.why}`);
    }
  }
  const withDefaults = optionTable.map((option) => [
    option.name,
    values.get(option.name) ?? ('default' in option ? option.default : undefined),
  ]);
  return { values: Object.fromEntries(withDefaults) as OptionValues, positionals, notes };
}

/** Whether an argument can be the value of an ignored flag; some of those had none in older versions of llama.cpp. */
function looksLikeValue(arg: string | undefined): boolean {
  return arg !== undefined && !/^-[^\d]/.test(arg);
}

/** Whether an option belongs to a command. */
export function handles(option: OptionSpec, command: CommandName): boolean {
  return option.commands.includes(command);
}

/** The name under which the absence of a switch is spelled in the environment. */
export function negatedEnv(env: string): string {
  return env.replace(/^(LLAMA_ARG|GGUF_EMBED)_/, '$1_NO_');
}

function flagMeanings(command: CommandName): Map<string, Meaning> {
  const known = new Map<string, Meaning>();
  for (const foreign of ignoredOptions) for (const flag of foreign.flags) known.set(flag, { foreign, refused: false });
  for (const foreign of refusedOptions) for (const flag of foreign.flags) known.set(flag, { foreign, refused: true });
  for (const option of optionTable) {
    if (!handles(option, command)) continue;
    for (const flag of option.flags) known.set(flag, { option, off: false });
    if (option.type === 'switch') for (const flag of option.off ?? []) known.set(flag, { option, off: true });
  }
  return known;
}

function spelling(flag: string): string {
  return flag.startsWith('--') ? flag.replaceAll('_', '-') : flag;
}

function unknownFlag(flag: string, command: CommandName, known: ReadonlyMap<string, Meaning>): UsageError {
  const elsewhere = optionTable.find((option) => option.flags.includes(flag));
  if (elsewhere) {
    return new UsageError(`${flag} is an option of ${elsewhere.commands.join(', ')}, not of ${command}`);
  }
  const near = nearest(flag, known.keys());
  return new UsageError(`unknown option ${flag}${near ? `: did you mean ${near}?` : ''} (see ${command} --help)`);
}

function readValue(option: StringOption | NumberOption | ListOption, text: string, from: string): Value {
  if (option.type === 'list') {
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }
  if (option.type === 'string') {
    if (option.choices && !option.choices.includes(text)) {
      const choices = option.choices.filter((choice) => choice !== '').join(', ');
      throw new UsageError(`${from} must be one of ${choices}, not "${text}"`);
    }
    return text;
  }
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const whole = option.type === 'number' ? Number.isFinite(value) : Number.isInteger(value);
  if (!whole || value < option.min || value > option.max) {
    const kind = option.type === 'number' ? 'a number' : 'an integer';
    throw new UsageError(`${from} must be ${kind} from ${option.min} to ${option.max}, not "${text}"`);
  }
  return value;
}

function fromEnvironment(option: OptionSpec, env: Readonly<Record<string, string | undefined>>): Value | undefined {
  if (option.env === undefined) return undefined;
  const text = env[option.env];
  if (option.type !== 'switch') {
    return text === undefined || text === '' ? undefined : readValue(option, text, option.env);
  }
  if (option.off && env[negatedEnv(option.env)] !== undefined) return false;
  if (text === undefined || text === '') return undefined;
  if (['1', 'true', 'on', 'enabled'].includes(text.toLowerCase())) return true;
  if (['0', 'false', 'off', 'disabled'].includes(text.toLowerCase())) return false;
  throw new UsageError(`${option.env} must be 1, true, on or enabled, or 0, false, off or disabled, not "${text}"`);
}
