/**
 * @file The types of the option table's rows and of the parsed values.
 */

/** The commands of the program, in the order of the help. */
export const commandNames = [
  'serve',
  'embed',
  'rerank',
  'tokenize',
  'trace',
  'eval',
  'parity',
  'fingerprint',
  'inspect',
  'diff',
  'pull',
  'models',
  'convert',
  'quantize',
  'edit',
  'page',
  'completion',
] as const;
export type CommandName = (typeof commandNames)[number];

/** The commands that compute with a model. */
export const computing = [
  'serve',
  'embed',
  'rerank',
  'trace',
  'eval',
  'fingerprint',
] as const satisfies readonly CommandName[];

/** Largest value of counts without their own limit. */
export const MAX_INT = 2 ** 31 - 1;

/** What a loaded model or its backend must have for an option to have an effect. */
export type ModelFeature = 'webgpu' | 'wasm' | 'reranker' | 'embedding' | 'tower';

/** A condition without which an option has no effect. Names are those of options; one is set if its value is not its default. */
export interface Requirement {
  /** The commands with this condition; by default all commands of the option. */
  readonly commands?: readonly CommandName[];
  /** One of these options must be set. */
  readonly anyOf?: readonly string[];
  /** An option that counts as one of `anyOf` if it is given several times. */
  readonly orSeveral?: string;
  /** An option that counts as one of `anyOf` if it names a model of the hub. */
  readonly orHub?: string;
  /** None of these options may be set. */
  readonly noneOf?: readonly string[];
  /** Another option must have one of these values, or none. */
  readonly values?: { readonly option: string; readonly oneOf: readonly string[] };
  /** The loaded model must have this. It is known only after loading, so the option is not refused, but a note is logged. */
  readonly feature?: ModelFeature;
  /** The option never has an effect; this is the reason. */
  readonly never?: string;
  /** Log a note instead of refusing: llama.cpp takes the option and ignores it, too. */
  readonly note?: true;
  /** The condition applies to this value only, also if it is the default and a flag gives it. */
  readonly ofValue?: boolean;
}

interface OptionBase {
  /** Key in the parsed values. */
  readonly name: string;
  /** Spellings; the last one is printed. One with a single dash may have several letters (`-ub`), as in llama.cpp. */
  readonly flags: readonly string[];
  /** Environment variable for the value if there is no flag. */
  readonly env?: string;
  readonly commands: readonly CommandName[];
  /** Conditions without which the option has no effect. */
  readonly needs?: readonly Requirement[];
  /** One sentence without a full stop; the help adds the default. */
  readonly help: string;
}

/** On or off. Environment: 1, true, on, enabled, or 0, false, off, disabled. */
export interface SwitchOption extends OptionBase {
  readonly type: 'switch';
  readonly default: boolean;
  /** Spellings that turn it off. With an `env` of `LLAMA_ARG_X`, the presence of `LLAMA_ARG_NO_X` also turns it off. */
  readonly off?: readonly string[];
}

/** A text. */
export interface StringOption extends OptionBase {
  /** Commands in which the flag may be given several times, and every value counts. */
  readonly severalFor?: readonly CommandName[];
  readonly type: 'string';
  /** Placeholder of the value in the help. */
  readonly value: string;
  /** The value is a path of this machine: relative to the folder of a configuration that gives it, and completed by shells. */
  readonly path?: 'file' | 'folder';
  readonly default?: string;
  /** Whether an empty text is valid. Otherwise it is refused, because it usually comes from an unset variable. */
  readonly mayBeEmpty?: true;
  readonly choices?: readonly string[];
  /** Several of these choices may be joined by `+`, each once. */
  readonly joins?: readonly string[];
}

/** A number within limits. */
export interface NumberOption extends OptionBase {
  readonly type: 'integer' | 'number';
  readonly value: string;
  readonly default?: number;
  readonly min: number;
  readonly max: number;
}

/** Texts separated by commas, or one for each time that the flag is given. */
export interface ListOption extends OptionBase {
  readonly type: 'list';
  /** Each flag gives one text, whose commas are its own. */
  readonly repeats?: true;
  readonly value: string;
  /** As in `StringOption`. */
  readonly path?: 'file' | 'folder';
  /** Whether an empty list is valid. */
  readonly mayBeEmpty?: true;
}

export type OptionSpec = SwitchOption | StringOption | NumberOption | ListOption;

type OrUndefined<O> = O extends { readonly default: unknown } ? never : undefined;

/** All spellings of an option, those that turn it off included. */
export function flagsOf(option: OptionSpec): readonly string[] {
  return option.type === 'switch' ? [...option.flags, ...(option.off ?? [])] : option.flags;
}

/** Choices joined by `+`. */
type JoinedOf<O> = O extends { readonly joins: readonly (infer J extends string)[] } ? `${J}+${string}` : never;

/** Type of the parsed value of an option. */
export type ValueOf<O extends OptionSpec> = O extends SwitchOption
  ? boolean
  : O extends ListOption
    ? readonly string[] | undefined
    : O extends { readonly choices: readonly (infer C)[] }
      ? C | JoinedOf<O> | OrUndefined<O>
      : O extends StringOption
        ? string | OrUndefined<O>
        : number | OrUndefined<O>;
