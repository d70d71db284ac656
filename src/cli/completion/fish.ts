/**
 * @file The completion script for fish.
 */
import { commands } from '../help/commands.ts';
import { optionsOf } from '../help/help.ts';
import { type CommandName, commandNames, type OptionSpec } from '../options/option-types.ts';
import { argumentWords, type Candidates, candidatesOf, describedFlags } from './candidates.ts';

/** The script. */
export function fishScript(): string {
  const names = commandNames.map(
    (name) => `complete -c gguf-embed -n __fish_use_subcommand -f -a ${name} -d ${quoted(commands[name].summary)}`,
  );
  return `# Completion of gguf-embed for fish: gguf-embed completion fish | source
complete -c gguf-embed -e
function __gguf_embed_command
    set -l words (commandline -opc)
    test "$words[2]" = $argv[1]
end
${[...names, ...commandNames.flatMap(commandLines)].join('\n')}
`;
}

function commandLines(command: CommandName): string[] {
  const start = `complete -c gguf-embed -n '__gguf_embed_command ${command}'`;
  const words = argumentWords[command];
  const argument = words === undefined ? [] : [`${start} -a ${quoted(words.join(' '))}`];
  return [
    ...argument,
    ...optionsOf(command).flatMap((option) => optionWords(option).map((each) => `${start} ${each}`)),
  ];
}

function optionWords(option: OptionSpec): string[] {
  return describedFlags(option).map(({ flags, help }) => {
    const names = flags.map((flag) => {
      if (flag.startsWith('--')) return `-l ${flag.slice(2)}`;
      return flag.length === 2 ? `-s ${flag[1]}` : `-o ${flag.slice(1)}`;
    });
    return [...names, valueWords(candidatesOf(option)), `-d ${quoted(help)}`].filter((word) => word !== '').join(' ');
  });
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
