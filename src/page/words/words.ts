/**
 * @file The texts of the page in the language of the reader.
 */
import { de } from './de.ts';
import { en, type WordKey } from './en.ts';

/** `de` if the reader prefers German to English, else `en`. */
function languageOf(preferred: readonly string[]): 'de' | 'en' {
  const found = preferred.map((tag) => tag.toLowerCase().split('-')[0]).find((tag) => tag === 'de' || tag === 'en');
  return found === 'de' ? 'de' : 'en';
}

/** The language of the page. */
export const language = languageOf(navigator.languages ?? [navigator.language]);
const words: Readonly<Record<WordKey, string>> = language === 'de' ? de : en;
const numbers = new Intl.NumberFormat(language);

/** The text of a key, with its values filled in; of `{count:text|texts}`, the first word for 1 and the second for other numbers. */
export function t(key: WordKey, values: Readonly<Record<string, string | number>> = {}): string {
  return words[key].replaceAll(/\{(\w+)(?::(.*?)\|(.*?))?\}/g, (_, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (one !== undefined && many !== undefined) return value === 1 ? one : many;
    return typeof value === 'number' ? numbers.format(value) : value;
  });
}

/** A number with three digits, or all digits of a larger one. */
export const numberText = (value: number) =>
  numbers.format(value >= 1000 ? Math.round(value) : Number(value.toPrecision(3)));

/** Seconds, or milliseconds below one. */
export const secondsText = (seconds: number) =>
  seconds > 0 && seconds < 1 ? `${numberText(1000 * seconds)} ms` : `${numberText(seconds)} s`;

/** Bytes in the unit that suits them. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = bytes > 0 ? Math.min(3, Math.floor(Math.log10(bytes) / 3)) : 0;
  return `${numbers.format(Number((bytes / 1000 ** power).toPrecision(3)))} ${units[power]}`;
}

/** A cosine or a score, with three digits. */
export const scoreText = (value: number) =>
  new Intl.NumberFormat(language, { maximumFractionDigits: 3, minimumFractionDigits: 3 }).format(value);

/** A piece of a text with signs in place of white space. */
export const visible = (text: string) => text.replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll(' ', '␣') || '∅';

/** A value of any size, with three digits. */
export const digitsText = (value: number) =>
  Number.isNaN(value) ? '–' : new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(value);
