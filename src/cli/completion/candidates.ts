/**
 * @file What shells can complete: arguments of commands, and values of options.
 */
import { fileTypes } from '../../gguf/file-types.ts';
import type { CommandName, OptionSpec } from '../options/option-types.ts';

/** Words that a command takes as arguments. File names are completed beside them. */
export const argumentWords: Partial<Record<CommandName, readonly string[]>> = {
  models: ['rm', 'prune'],
  quantize: Object.keys(fileTypes),
  completion: ['bash', 'zsh', 'fish'],
};

/** What completes a value: words, files, folders, or nothing. `undefined` for an option without a value. */
export type Candidates = readonly string[] | 'files' | 'folders' | 'nothing' | undefined;

/** What completes the value of an option. */
export function candidatesOf(option: OptionSpec): Candidates {
  if (option.type === 'switch') return undefined;
  if ('choices' in option && option.choices !== undefined) return option.choices.filter((choice) => choice !== '');
  if ('path' in option && option.path !== undefined) return option.path === 'folder' ? 'folders' : 'files';
  return 'nothing';
}

/** The spellings of an option, with what they do: those that turn a switch off say so. */
export function describedFlags({ help, ...option }: OptionSpec): { flags: readonly string[]; help: string }[] {
  const { flags } = option;
  if (option.type !== 'switch' || option.off === undefined) return [{ flags, help }];
  return [
    { flags, help },
    { flags: option.off, help: `turn off ${flags.at(-1)}` },
  ];
}

/** A text between single quotes, for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
