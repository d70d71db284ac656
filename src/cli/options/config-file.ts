/**
 * @file Reads a configuration (`--config`): a YAML or JSON file with options by the names of their flags. Its problems are errors that name
 * the file, the line and the key.
 */
import { dirname, isAbsolute, join } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from 'yaml';
import { lineNestedTooDeeply } from '../../convert/checkout/yaml-nesting.ts';
import { nearest } from '../../nearest.ts';
import { readTextFile } from '../input/read-file.ts';
import { isRemote } from '../model/chosen-model.ts';
import { UsageError } from '../usage-error.ts';
import { type Configuration, type ConfigurationEntry, commandLineOnly } from './configuration.ts';
import { findKnownKey, findOptionKey } from './option-keys.ts';
import { optionTable } from './option-table.ts';
import { type CommandName, commandNames, flagsOf, type OptionSpec } from './option-types.ts';
import { type OptionValue, readOptionValue } from './option-values.ts';

/** Options at the top are for every command that has them; those in the section of a command are for that one, and come first. */
interface Place {
  readonly isSection: boolean;
  readonly command: CommandName;
  readonly folder: string;
  /** The place of a node, as `FILE:LINE`. */
  readonly at: (node: unknown) => string;
  readonly resolve: (node: unknown) => unknown;
}

/**
 * The options that a file gives to a command.
 * @param from the flag or variable that names the file
 * @throws UsageError for a file that cannot be read, a key that is no option, and a value that its option does not take
 */
export async function readConfiguration(command: CommandName, path: string, from: string): Promise<Configuration> {
  const text = await readTextFile(from, path);
  const deep = lineNestedTooDeeply(text);
  if (deep !== undefined) throw new UsageError(`${path}:${deep}: it is nested too deeply`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (node: unknown) => {
    const { range } = node as { readonly range?: readonly number[] | null };
    return range ? `${path}:${lines.linePos(range[0]).line}` : path;
  };
  for (const { code, message, pos } of document.errors) {
    const problem = code === 'MULTIPLE_DOCS' ? 'a configuration is one document, and here another one begins' : message;
    throw new UsageError(`${at({ range: pos })}: ${problem}`);
  }
  const resolve = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return { entries: new Map(), notes: [] };
  if (!isMap(contents)) throw new UsageError(`${path}: must have a line "option: value" for each option`);
  // The folder of /dev/fd/63 is not where the file comes from.
  const folder = /^\/(dev|proc)\//.test(path) ? '.' : dirname(path);
  const place: Place = { isSection: false, command, folder, at, resolve };
  const notes: string[] = [];
  const entries = new Map<string, ConfigurationEntry>();
  const sections: Pair[] = [];
  for (const pair of contents.items) {
    if (beginsSection(pair, place)) sections.push(pair);
    else readPair(pair, place, entries, notes);
  }
  for (const pair of sections) {
    const section = keyOf(pair, place) as CommandName;
    const own = new Map<string, ConfigurationEntry>();
    const map = resolve(pair.value);
    if (!isMap(map)) continue;
    for (const each of map.items) {
      readPair(each, { ...place, command: section, isSection: true }, own, section === command ? notes : []);
    }
    if (section === command) for (const [name, entry] of own) entries.set(name, entry);
  }
  return { entries, notes };
}

/**
 * Whether a pair at the top is the section of a command. One without options is null.
 * @throws UsageError for something else than options below a name that is no option
 */
function beginsSection(pair: Pair, place: Place): boolean {
  const key = keyOf(pair, place);
  const value = place.resolve(pair.value);
  if (!(commandNames as readonly string[]).includes(key)) return false;
  if (isMap(value)) return true;
  if (findOptionKey(key, () => true) !== undefined) return false;
  if (value === null || (isScalar(value) && value.value === null)) return true;
  throw new UsageError(`${place.at(pair.key)}: ${key} is a command: put its options below it, as "option: value"`);
}

function keyOf({ key }: Pair, { at }: Place): string {
  if (isScalar(key) && typeof key.value === 'string') return key.value;
  throw new UsageError(`${at(key)}: the name of an option must be a text`);
}

/** Adds the option that a pair gives. */
function readPair(pair: Pair, place: Place, entries: Map<string, ConfigurationEntry>, notes: string[]): void {
  const { command } = place;
  const key = keyOf(pair, place);
  const where = place.at(pair.key);
  const found = findOptionKey(key, ({ commands }) => commands.includes(command));
  if (found === undefined) {
    checkOtherKey(key, where, place, notes);
    return;
  }
  const { option, off } = found;
  const label = `${where}: ${key}`;
  if (commandLineOnly.includes(option.name)) throw new UsageError(`${label} is for the command line only`);
  const before = entries.get(option.name);
  if (before !== undefined) throw new UsageError(`${label} says again what ${before.label} says`);
  const all = valuesOf(option, off, pair.value, label, place);
  const isList = option.type === 'list';
  entries.set(option.name, {
    value: isList ? (all as readonly string[]) : all.at(-1)!,
    all: isList ? [all as readonly string[]] : all,
    label,
  });
}

/** @throws UsageError for a key that is not an option of another command, at the top, or a flag of llama.cpp without effect */
function checkOtherKey(key: string, where: string, { command, isSection }: Place, notes: string[]): void {
  const elsewhere = findOptionKey(key, () => true)?.option;
  if (elsewhere !== undefined && !isSection) return;
  if (elsewhere !== undefined) {
    throw new UsageError(`${where}: ${key} is an option of ${elsewhere.commands.join(', ')}, not of ${command}`);
  }
  const known = findKnownKey(key);
  if (known?.refused) throw new UsageError(`${where}: ${key} is not supported: ${known.why}`);
  if (known !== undefined) {
    notes.push(`${where}: ${key} is ignored: ${known.why}`);
    return;
  }
  const names = optionTable
    .filter(({ commands }) => !isSection || commands.includes(command))
    .flatMap(flagsOf)
    .filter((flag) => flag.startsWith('--'))
    .map((flag) => flag.slice(2));
  const near = nearest(key, isSection ? names : [...names, ...commandNames]);
  throw new UsageError(`${where}: unknown option ${key}${near === undefined ? '' : `: did you mean ${near}?`}`);
}

/** All values that a node gives to an option: one, or several where the flag may be given several times; of a list, its texts. */
function valuesOf(
  option: OptionSpec,
  off: boolean,
  given: unknown,
  label: string,
  place: Place,
): readonly OptionValue[] {
  const node = place.resolve(given);
  if (isSeq(node)) {
    const isSeveral = option.type === 'string' && option.severalFor?.includes(place.command);
    if (option.type !== 'list' && !isSeveral) throw new UsageError(`${label} takes one value, not a list`);
    const items = node.items.map((item) => textOf(place.resolve(item), label));
    if (items.length === 0 && !(option.type === 'list' && option.mayBeEmpty)) throw new UsageError(`${label} is empty`);
    return items.map((item) => inFolder(option, item, place));
  }
  if (option.type === 'switch') {
    const value = scalarOf(node, label);
    if (typeof value !== 'boolean') throw new UsageError(`${label} must be true or false, not ${shown(value)}`);
    return [value !== off];
  }
  if (option.type === 'integer' || option.type === 'number') {
    const value = scalarOf(node, label);
    const kind = option.type === 'integer' ? 'an integer' : 'a number';
    if (typeof value !== 'number') throw new UsageError(`${label} must be ${kind}, not ${shown(value)}`);
    return [readOptionValue(option, String(value), label)];
  }
  const value = readOptionValue(option, textOf(node, label), label);
  return (Array.isArray(value) ? (value as readonly string[]) : [value]).map((text) =>
    inFolder(option, text as string, place),
  );
}

/** @throws UsageError for a mapping, and for a key without a value */
function scalarOf(node: unknown, label: string): unknown {
  if (node === null || (isScalar(node) && node.value === null)) throw new UsageError(`${label} has no value`);
  if (isScalar(node)) return node.value;
  if (node === undefined) throw new UsageError(`${label} names an anchor that is not there`);
  throw new UsageError(`${label} must be a value, not ${isSeq(node) ? 'a list' : 'a group of options'}`);
}

function textOf(node: unknown, label: string): string {
  const value = scalarOf(node, label);
  if (typeof value === 'string') return value;
  throw new UsageError(`${label} must be a text, not ${shown(value)}: put it in quotes`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `the text "${value}"` : String(value);
}

/** A path is relative to the folder of the configuration, so that the file works wherever a command starts. */
function inFolder(option: OptionSpec, text: string, { folder }: Place): string {
  const isPath = (option.type === 'string' || option.type === 'list') && option.path !== undefined;
  return !isPath || text === '-' || isAbsolute(text) || isRemote(text) ? text : join(folder, text);
}
