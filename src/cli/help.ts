/**
 * @file Help texts and docs/cli.md, both made from the option table.
 */
import { commands } from './commands.ts';
import { ignoredOptions, refusedOptions } from './foreign-options.ts';
import { type CommandName, commandNames, type OptionSpec } from './option-types.ts';
import { options } from './options.ts';
import { handles, negatedEnv } from './parse-options.ts';

const WIDTH = 100;
const COLUMN = 34;

/** The help of the program. */
export function programHelp(): string {
  const list = commandNames.map((name) => `  ${name.padEnd(10)}${commands[name].summary}`);
  return `gguf-embed COMMAND [OPTIONS]

Text embeddings from GGUF model files.

${list.join('\n')}

gguf-embed COMMAND --help lists the options of a command.
`;
}

/** The help of one command. */
export function commandHelp(command: CommandName): string {
  const { summary, usage } = commands[command];
  const rows = optionsOf(command).map((option) => {
    const flags = `  ${spellings(option)}`;
    const lines = wrap(`${option.help}${notes(option)}`, WIDTH - COLUMN);
    const first = flags.length < COLUMN ? [flags.padEnd(COLUMN) + lines.shift()] : [flags];
    return [...first, ...lines.map((line) => ' '.repeat(COLUMN) + line)].join('\n');
  });
  return `gguf-embed ${command} ${usage}\n\n${summary}\n\n${rows.join('\n')}\n`;
}

/** docs/cli.md. */
export function markdown(): string {
  const sections = commandNames.map((command) => {
    const { summary, usage, details } = commands[command];
    const rows = optionsOf(command).map((option) => {
      const env = option.env === undefined ? '' : `\`${option.env}\``;
      return `| \`${spellings(option)}\` | ${env} | ${defaultText(option)} | ${escapeCell(option.help)} |`;
    });
    return `## ${command}

\`gguf-embed ${command} ${usage}\`

${details ?? `${summary}.`}

| option | environment | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
  });
  const foreign = (list: typeof ignoredOptions) =>
    list.map(({ flags, env, why }) => `| \`${flags.join(', ')}\` | ${env ? `\`${env}\`` : ''} | ${why} |`).join('\n');
  return `# Command line

<!-- Made from src/cli/options.ts by \`npx vitest run test/cli/docs.test.ts -u\`. -->

A value comes from the command line, else from the environment, else it is the default. \`--flag value\` and \`--flag=value\`
are the same, and underscores in long flags are the same as dashes. A switch in the environment is \`1\`, \`true\`, \`on\` or
\`enabled\`, or \`0\`, \`false\`, \`off\` or \`disabled\`; where a switch has a spelling that turns it off, the presence of
\`LLAMA_ARG_NO_X\` does so, too. Errors are one line on standard error and exit code 1; \`--verbose\` adds the stack.

${sections.join('\n')}
## Flags of llama.cpp without effect

Accepted, so that a command line can be kept, and named in the log.

| flag | environment | why |
|---|---|---|
${foreign(ignoredOptions)}

## Flags of llama.cpp that are refused

Ignoring them would change the result.

| flag | environment | why |
|---|---|---|
${foreign(refusedOptions)}
`;
}

function optionsOf(command: CommandName): OptionSpec[] {
  return (options as readonly OptionSpec[]).filter((option) => handles(option, command));
}

function spellings(option: OptionSpec): string {
  const off = option.type === 'switch' ? (option.off ?? []) : [];
  return [...option.flags, ...off].join(', ') + (option.type === 'switch' ? '' : ` ${option.value}`);
}

function notes(option: OptionSpec): string {
  const said: string[] = [];
  if (option.type === 'string' && option.choices) {
    said.push(`one of ${option.choices.filter((choice) => choice !== '').join(', ')}`);
  }
  const byDefault = defaultText(option);
  if (byDefault !== '' && option.type !== 'switch') said.push(`default ${byDefault}`);
  if (option.type === 'switch' && option.default) said.push('default on');
  if (option.env !== undefined) {
    said.push(`env ${option.env}${option.type === 'switch' && option.off ? `, ${negatedEnv(option.env)}` : ''}`);
  }
  return said.length > 0 ? ` (${said.join('; ')})` : '';
}

function defaultText(option: OptionSpec): string {
  if (!('default' in option) || option.default === undefined || option.default === '') return '';
  if (option.type === 'switch') return option.default ? 'on' : 'off';
  return option.default === '\n' ? 'line break' : String(option.default);
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
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
