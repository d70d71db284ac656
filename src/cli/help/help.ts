/**
 * @file Generates the output of `--help` from the option table.
 */
import { negatedName } from '../options/environment.ts';
import { optionTable, optionTopics } from '../options/option-table.ts';
import { type CommandName, commandNames, flagsOf, type OptionSpec } from '../options/option-types.ts';
import { choicesOf } from '../options/option-values.ts';
import { handles } from '../options/parse-options.ts';
import { commands } from './commands.ts';
import { examples } from './examples.ts';

const WIDTH = 100;
const COLUMN = 34;

/** The help of the program. */
export function programHelp(): string {
  const list = commandNames.map((name) => `  ${name.padEnd(13)}${commands[name].summary}`);
  return `gguf-embed COMMAND [OPTIONS]

Text embeddings from GGUF model files.

${list.join('\n')}

gguf-embed COMMAND --help lists the options of a command.
`;
}

/** The help of one command. */
export function commandHelp(command: CommandName): string {
  const { summary, usage } = commands[command];
  const shown = examples[command].map(([line, meaning]) => `  # ${meaning}\n  ${line}\n`);
  return `gguf-embed ${command} ${usage}\n\n${summary}\n\nExamples:\n${shown.join('')}${topicsOf(command).map(topicHelp).join('')}`;
}

/** The options of a command by topic; topics without options are left out. */
function topicsOf(command: CommandName): (readonly [topic: string, options: readonly OptionSpec[]])[] {
  return optionTopics
    .map(([topic, options]) => [topic, options.filter((option) => handles(option, command))] as const)
    .filter(([, options]) => options.length > 0);
}

function topicHelp([topic, options]: readonly [topic: string, options: readonly OptionSpec[]]): string {
  const rows = options.map((option) => {
    const flags = `  ${spellings(option)}`;
    const lines = wrap(`${option.help}${notes(option)}`, WIDTH - COLUMN);
    const first = flags.length < COLUMN ? [flags.padEnd(COLUMN) + lines.shift()] : [flags];
    return [...first, ...lines.map((line) => ' '.repeat(COLUMN) + line)].join('\n');
  });
  return `\n${topic}:\n${rows.join('\n')}\n`;
}

/** The options of a command, in the order of the help. */
export function optionsOf(command: CommandName): OptionSpec[] {
  return optionTable.filter((option) => handles(option, command));
}

/** All spellings of an option and the placeholder of its value. */
export function spellings(option: OptionSpec): string {
  return flagsOf(option).join(', ') + (option.type === 'switch' ? '' : ` ${option.value}`);
}

/** Choices, default and variable of an option, in parentheses; empty if it has none. */
export function notes(option: OptionSpec): string {
  const choices = choicesOf(option);
  const said = choices === '' ? [] : [choices];
  const byDefault = defaultText(option);
  if (byDefault !== '' && option.type !== 'switch') said.push(`default ${byDefault}`);
  if (option.type === 'switch' && option.default) said.push('default on');
  if (option.env !== undefined) {
    said.push(`env ${option.env}${option.type === 'switch' && option.off ? `, ${negatedName(option.env)}` : ''}`);
  }
  return said.length > 0 ? ` (${said.join('; ')})` : '';
}

/** The default in words; empty if there is none. */
export function defaultText(option: OptionSpec): string {
  if (!('default' in option) || option.default === undefined || option.default === '') return '';
  if (option.type === 'switch') return option.default ? 'on' : 'off';
  return option.default === '\n' ? 'line break' : String(option.default);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
