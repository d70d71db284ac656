/**
 * @file Metadata values on the command line, in the form of llama.cpp's --override-kv: `KEY=TYPE:VALUE`.
 */
import type { MetadataValue } from '../../gguf/index.ts';
import { UsageError } from '../usage-error.ts';

const form = 'KEY=TYPE:VALUE with a TYPE of int, float, bool or str';

/**
 * The values of all `settings` by key.
 * @param flag named in errors
 * @throws UsageError for a setting of another form, two values for one key, or a value that is not of its type
 */
export function readMetadataValues(settings: readonly string[], flag: string): Record<string, MetadataValue> {
  const values = new Map<string, MetadataValue>();
  for (const setting of settings) {
    const [key, value] = readSetting(setting, flag);
    if (values.has(key)) throw new UsageError(`${flag} gives ${key} twice: give it once`);
    values.set(key, value);
  }
  return Object.fromEntries(values);
}

function readSetting(setting: string, flag: string): [key: string, value: MetadataValue] {
  const match = /^([^=]+)=(int|float|bool|str):(.*)$/s.exec(setting);
  if (match === null) throw new UsageError(`${flag} takes ${form}, not "${setting}"`);
  const [, key, type, text] = match;
  const value = readValue(type, text);
  if (value === undefined) throw new UsageError(`${flag}: "${text}" is not of the type ${type} (${key})`);
  return [key, value];
}

function readValue(type: string, text: string): MetadataValue | undefined {
  if (type === 'str') return text;
  if (type === 'bool') return text === 'true' || (text === 'false' ? false : undefined);
  if (type === 'int') return /^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) : undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? { type: 'float32', value } : undefined;
}
