/**
 * @file Parses the text of an option to its value.
 */
import { UsageError } from '../usage-error.ts';
import { type ListOption, MAX_INT, type NumberOption, type OptionSpec, type StringOption } from './option-types.ts';

/** The value of an option. */
export type OptionValue = string | number | boolean | readonly string[];

/**
 * The value of `text`.
 * @param from the flag or variable that the text comes from
 * @throws UsageError that names `from`, for an invalid value
 */
export function readOptionValue(
  option: StringOption | NumberOption | ListOption,
  text: string,
  from: string,
): OptionValue {
  if (option.type === 'string') return readString(option, text, from);
  if (option.type === 'list') {
    if (option.repeats && text !== '') return [text];
    const parts = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    if (parts.length === 0 && !option.mayBeEmpty) throw isEmpty(from);
    return parts;
  }
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const whole = option.type === 'number' ? Number.isFinite(value) : Number.isInteger(value);
  if (!whole || value < option.min || value > option.max) {
    const kind = option.type === 'number' ? 'a number' : 'an integer';
    const range = option.min === -MAX_INT ? `of at most ${option.max}` : `from ${option.min} to ${option.max}`;
    throw new UsageError(`${from} must be ${kind} ${range}, not "${text}"`);
  }
  return value;
}

/** The value of a switch in a variable or a preset. @throws UsageError as `readOptionValue` */
export function readSwitch(text: string, from: string): boolean {
  if (['1', 'true', 'on', 'enabled'].includes(text.toLowerCase())) return true;
  if (['0', 'false', 'off', 'disabled'].includes(text.toLowerCase())) return false;
  throw new UsageError(`${from} must be 1, true, on or enabled, or 0, false, off or disabled, not "${text}"`);
}

/** The choices of an option: `one of a, b`; empty for an option without choices. */
export function choicesOf(option: OptionSpec): string {
  if (option.type !== 'string' || option.choices === undefined) return '';
  return `one of ${option.choices.filter((choice) => choice !== '').join(', ')}`;
}

function readString(option: StringOption, text: string, from: string): string {
  const { choices, joins = [], mayBeEmpty } = option;
  if (choices !== undefined) {
    if (choices.includes(text) || isJoined(text, joins)) return text;
    const several = joins.length > 0 ? `, or several of ${joins.join(', ')} joined by +` : '';
    throw new UsageError(`${from} must be ${choicesOf(option)}${several}, not "${text}"`);
  }
  if (text === '' && !mayBeEmpty) throw isEmpty(from);
  return text;
}

function isJoined(text: string, joins: readonly string[]): boolean {
  const parts = text.split('+');
  return parts.length > 1 && parts.every((part) => joins.includes(part)) && new Set(parts).size === parts.length;
}

function isEmpty(from: string): UsageError {
  return new UsageError(`${from} is empty: give a value, or leave it out (is a variable unset?)`);
}
