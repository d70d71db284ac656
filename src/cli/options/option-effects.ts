/**
 * @file Finds options that would have no effect, by the conditions in the option table: what another option or the loaded
 * model must be for an option to do anything.
 */

import type { ModelInfo } from '../../engine/index.ts';
import { canRank } from '../../engine/rerank/can-rank.ts';
import { nameAtHub } from '../../hub/model-name.ts';
import { log } from '../log.ts';
import { UsageError } from '../usage-error.ts';
import { type OptionValues, optionTable } from './option-table.ts';
import type { CommandName, ModelFeature, OptionSpec, Requirement } from './option-types.ts';
import type { OptionValue } from './option-values.ts';

/** Where the value of an option comes from. */
export interface ValueSource {
  /**
   * A variable serves many command lines, so it is never refused. A file (a configuration, a section of a preset) is refused if it
   * contradicts itself, but not if a flag leaves its option without effect.
   */
  readonly layer: 'flag' | 'environment' | 'file';
  /** What to call the option in messages; by default its flag. */
  readonly label?: string;
}

/** The values of a command line, and where they come from. */
interface GivenValues {
  readonly command: CommandName;
  readonly values: Readonly<Record<string, OptionValue | undefined>>;
  /** All values of the options that are set. */
  readonly given: ReadonlyMap<string, readonly OptionValue[]>;
  /** The options to check. */
  readonly sources: ReadonlyMap<string, ValueSource>;
  /** Whether the values are those of one model of a server of several: that there are several satisfies no condition then. */
  readonly isOneModel?: boolean;
}

/** Options by which a server has several models. */
const severalModels: readonly string[] = ['modelsDir', 'modelsPreset'];

/** What is said about options without effect. */
interface Effects {
  readonly notes: readonly string[];
  /** The options without effect that are not refused. */
  readonly ignored: readonly string[];
}

/**
 * Which of the options in `sources` have no effect.
 * @throws UsageError for one that is to be refused, with what to do
 */
export function optionEffects(all: GivenValues): Effects {
  const notes: string[] = [];
  const ignored: string[] = [];
  let fileAlone: GivenValues | undefined;
  for (const option of optionTable) {
    const source = all.sources.get(option.name);
    if (source === undefined) continue;
    const unmet = unmetNeed(option, all);
    if (unmet === undefined) continue;
    const { layer, label = flagOf(option, all.values[option.name]) } = source;
    if (layer === 'file') fileAlone ??= { ...all, values: valuesOfFile(all) };
    const isNoted =
      unmet.isNote ||
      layer === 'environment' ||
      (fileAlone !== undefined && unmetNeed(option, fileAlone) === undefined);
    if (!isNoted) throw new UsageError(`${label} ${unmet.reason}; ${unmet.advice}`);
    notes.push(`${label} is ignored: it ${unmet.reason}`);
    ignored.push(option.name);
  }
  return { notes, ignored };
}

/** The condition of an option that does not hold; `undefined` if the option has an effect. */
function unmetNeed(option: OptionSpec, { command, values, given, isOneModel }: GivenValues) {
  const isSetHere = (name: string) => isSet(specOf(name), values[name]);
  for (const need of option.needs ?? []) {
    if (need.commands?.includes(command) === false || !applies(need, option, values[option.name])) continue;
    const anyOf = isOneModel ? need.anyOf?.filter((name) => !severalModels.includes(name)) : need.anyOf;
    const orSeveral = isOneModel ? undefined : need.orSeveral;
    const isSeveral = (name: string) => (given.get(name)?.length ?? 0) > 1;
    const unmet = unmetCondition({ ...need, anyOf, orSeveral }, values, isSetHere, isSeveral);
    if (unmet !== undefined) return { ...unmet, isNote: need.note === true };
  }
  return undefined;
}

/** The values that a file gives, and the defaults of the others. */
function valuesOfFile({ values, sources }: GivenValues): GivenValues['values'] {
  return Object.fromEntries(
    optionTable.map((option) => [
      option.name,
      sources.get(option.name)?.layer === 'file'
        ? values[option.name]
        : 'default' in option
          ? option.default
          : undefined,
    ]),
  );
}

/**
 * Refuses options of a command that this run gives no effect.
 * @param reason completes a sentence that begins with the flag
 * @throws UsageError for the first of `names` that a flag sets to another value than its default
 */
export function refuseOptions(values: OptionValues, names: readonly (keyof OptionValues)[], reason: string): void {
  const found = names.find((name) => isSet(specOf(name), values[name]));
  if (found !== undefined) throw new UsageError(`${flagOf(specOf(found), values[found])} ${reason}`);
}

/** Logs that an option is ignored, if it has another value than its default. */
export function logIfSet(values: OptionValues, name: keyof OptionValues, reason: string): void {
  const option = specOf(name);
  if (isSet(option, values[name])) log(`${flagOf(option, values[name])} is ignored: ${reason}`);
}

/** Why an option has no effect, and what to do. */
interface Unmet {
  readonly reason: string;
  readonly advice: string;
}

function unmetCondition(
  { anyOf, orSeveral, orHub, noneOf, values: wanted, never }: Requirement,
  values: GivenValues['values'],
  isSetHere: (name: string) => boolean,
  isSeveral: (name: string) => boolean,
): Unmet | undefined {
  if (never !== undefined) return { reason: `has no effect: ${never}`, advice: 'remove it' };
  const isMet =
    anyOf?.some(isSetHere) ||
    (orSeveral !== undefined && isSeveral(orSeveral)) ||
    (orHub !== undefined && nameAtHub(String(values[orHub])) !== undefined);
  if (anyOf !== undefined && !isMet) {
    const flags = anyOf.map((name) => flagOf(specOf(name)));
    const names = [
      ...flags,
      ...(orHub === undefined ? [] : [`${specOf(orHub).flags[0]} hf:USER/REPO`]),
      ...(orSeveral === undefined ? [] : [`several ${specOf(orSeveral).flags[0]}`]),
    ];
    const advice = names.length === 1 ? `add ${names[0]} or remove it` : 'add one of them or remove it';
    return { reason: `works with ${listed(names)} only`, advice };
  }
  const against = noneOf?.find(isSetHere);
  if (against !== undefined) {
    const flag = flagOf(specOf(against), values[against]);
    return { reason: `has no effect with ${flag}`, advice: 'remove one of the two' };
  }
  if (wanted === undefined) return undefined;
  const value = values[wanted.option];
  if (value === undefined || wanted.oneOf.includes(String(value))) return undefined;
  const flag = flagOf(specOf(wanted.option));
  const works = wanted.oneOf.filter((known) => known !== 'auto');
  return {
    reason: `works with ${flag} ${listed(works)} only, not with ${flag} ${value}`,
    advice: 'remove one of the two',
  };
}

/** The features of models, in words that complete "it has no effect: ". */
const features: Readonly<Record<ModelFeature, { has(info: ModelInfo): boolean; without(info: ModelInfo): string }>> = {
  webgpu: { has: ({ backend }) => backend === 'webgpu', without: otherBackend },
  wasm: { has: ({ backend }) => backend === 'wasm', without: otherBackend },
  reranker: { has: canRank, without: ({ name }) => `${name} is not used as a reranker` },
  embedding: { has: ({ pooling }) => pooling !== 'rank', without: ({ name }) => `${name} is used as a reranker` },
  tower: { has: ({ vision }) => vision !== undefined, without: ({ name }) => `${name} has no vision tower` },
};

function otherBackend({ backend }: ModelInfo): string {
  return `the backend is ${backend}`;
}

/** Notes that were logged; commands that load a model twice log them once. */
const logged = new Set<string>();

/** Logs which options the loaded model leaves without effect. */
export function logUnusedOptions(values: OptionValues, info: ModelInfo): void {
  for (const note of unusedOptions(values, info)) {
    if (logged.has(note)) continue;
    logged.add(note);
    log(note);
  }
}

function* unusedOptions(values: OptionValues, info: ModelInfo): Generator<string> {
  for (const option of optionTable) {
    const value = values[option.name as keyof OptionValues];
    if (!isSet(option, value)) continue;
    const missing = option.needs?.find(({ feature }) => feature !== undefined && !features[feature].has(info))?.feature;
    if (missing === undefined) continue;
    yield `${flagOf(option, value)} is ignored: ${features[missing].without(info)}`;
  }
  const { precision, ctxSize } = values;
  if (isSet(specOf('precision'), precision) && precision !== info.precision) {
    yield `--precision ${precision} is ignored: the backend ${info.backend} computes with precision ${info.precision}`;
  }
  if (ctxSize > info.nCtx && info.nCtx === info.nCtxTrain) {
    yield `--ctx-size ${ctxSize} is more than the ${info.nCtx} tokens of ${info.name}: inputs have up to ${info.nCtx}`;
  }
}

function applies({ ofValue }: Requirement, option: OptionSpec, value: OptionValue | undefined): boolean {
  return ofValue === undefined ? isSet(option, value) : value === ofValue;
}

/** Whether a value is another than the default. */
function isSet(option: OptionSpec, value: OptionValue | undefined): boolean {
  if (value === undefined) return false;
  return !('default' in option) || option.default !== value;
}

function specOf(name: string): OptionSpec {
  return optionTable.find((option) => option.name === name)!;
}

/** The flag that gives the value. */
function flagOf(option: OptionSpec, value?: OptionValue): string {
  const off = option.type === 'switch' && value === false ? option.off?.[0] : undefined;
  return off ?? option.flags.at(-1)!;
}

/** `a`, `a or b`, `a, b or c`. */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
