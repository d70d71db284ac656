/**
 * @file Generates docs/cli.md from the tables of commands and options.
 */
import { commands } from './commands.ts';
import { choicesOf, defaultText, optionsOf, spellings } from './help.ts';
import { optionTable } from './option-table.ts';
import { type CommandName, commandNames, type OptionSpec } from './option-types.ts';

/** The text of docs/cli.md: each option appears once, and options of several commands have a separate table. */
export function referencePage(): string {
  const shared = optionTable.filter(isShared);
  return `# Command line

<!-- Made from src/cli/options/ by \`npx vitest run test/cli/docs.test.ts -u\`. -->

The command line overrides the environment, and the environment overrides the default. \`--flag value\` and \`--flag=value\`
are the same, and so are underscores and dashes in long flags. A switch in the environment is \`1\`, \`true\`, \`on\` or
\`enabled\`, or \`0\`, \`false\`, \`off\` or \`disabled\`. Where a switch has a spelling that turns it off, the presence of
\`LLAMA_ARG_NO_X\` turns it off, too. An empty variable counts as unset. An empty value of a flag is an error, unless it has a
meaning. Errors are one line on standard error with exit code 1; \`--verbose\` adds the stack.

Texts in files and on standard input are UTF-8, or UTF-16 with a byte order mark. Bytes that are not text are an error that
names the first one. Control characters in texts from model files are printed as \`\\u001b\`.

${commandNames.map(section).join('\n')}
## Shared options

| option | environment | commands | default | meaning |
|---|---|---|---|---|
${shared.map((option) => row(code(spellings(option)), code(option.env), commandsOf(option), defaultText(option), meaningOf(option))).join('\n')}

## Flags of llama-server

Every flag of llama-server is one of the options above, ignored with a reason in the log, or refused with a reason:
[compatibility.md](compatibility.md#flags) lists them.
`;
}

/** The section of a command: a table of its own options, and the names of shared options. */
function section(command: CommandName): string {
  const { summary, usage, details } = commands[command];
  const all = optionsOf(command);
  const own = all.filter((option) => !isShared(option));
  const shared = all.filter(isShared).map(({ flags }) => code(flags.at(-1)));
  const table =
    own.length === 0
      ? ''
      : `| option | environment | default | meaning |
|---|---|---|---|
${own.map((option) => row(code(spellings(option)), code(option.env), defaultText(option), meaningOf(option))).join('\n')}

`;
  return `## ${command}

\`gguf-embed ${command} ${usage}\`

${details ?? `${summary}.`}

${table}${own.length === 0 ? 'It takes' : 'It also takes'} these [shared options](#shared-options): ${shared.join(', ')}.
`;
}

function meaningOf(option: OptionSpec): string {
  const choices = choicesOf(option);
  return choices === '' ? option.help : `${option.help} (${choices})`;
}

function isShared({ commands }: OptionSpec): boolean {
  return commands.length > 1;
}

function commandsOf({ commands }: OptionSpec): string {
  return commands.length === commandNames.length ? 'all' : commands.join(', ');
}

/** A text as code. */
export function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text}\``;
}

/** A row of a table. */
export function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
