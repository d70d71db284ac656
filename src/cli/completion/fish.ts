/**
 * @file The completion script for fish.
 */
import { commands } from '../help/commands.ts';
import { optionsOf } from '../help/help.ts';
import { type CommandName, commandNames, flagsOf, type OptionSpec } from '../options/option-types.ts';
import { argumentWords, type Candidates, candidatesOf } from './candidates.ts';

/** The script. */
export function fishScript(): string {
  const names = commandNames.map(
    (name) => `complete -c gguf-embed -n __fish_use_subcommand -f -a ${name} -d ${quoted(commands[name].summary)}`,
  );
  return `# Completion of gguf-embed for fish: gguf-embed completion fish | source
complete -c gguf-embed -e
${[...names, ...commandNames.flatMap(commandLines)].join('\n')}
`;
}

function commandLines(command: CommandName): string[] {
  const start = `complete -c gguf-embed -n '__fish_seen_subcommand_from ${command}'`;
  const words = argumentWords[command];
  const argument = words === undefined ? [] : [`${start} -a ${quoted(words.join(' '))}`];
  return [...argument, ...optionsOf(command).map((option) => `${start} ${optionWords(option)}`)];
}

function optionWords(option: OptionSpec): string {
  const names = flagsOf(option).map((flag) => {
    if (flag.startsWith('--')) return `-l ${flag.slice(2)}`;
    return flag.length === 2 ? `-s ${flag[1]}` : `-o ${flag.slice(1)}`;
  });
  return [...names, valueWords(candidatesOf(option)), `-d ${quoted(option.help)}`]
    .filter((word) => word !== '')
    .join(' ');
}

function valueWords(candidates: Candidates): string {
  if (candidates === undefined) return '';
  if (candidates === 'files') return '-r -F';
  if (candidates === 'folders') return "-x -a '(__fish_complete_directories)'";
  return candidates === 'nothing' ? '-x' : `-x -a ${quoted(candidates.join(' '))}`;
}

/** A text between single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
