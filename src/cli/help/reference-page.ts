/**
 * @file Generates docs/cli.md from the tables of commands and options.
 */
import { optionTable } from '../options/option-table.ts';
import { type CommandName, commandNames, type OptionSpec } from '../options/option-types.ts';
import { choicesOf } from '../options/option-values.ts';
import { commands } from './commands.ts';
import { defaultText, optionsOf, spellings } from './help.ts';

/** The text of docs/cli.md: each option appears once, and options of several commands have a separate table. */
export function referencePage(): string {
  const shared = optionTable.filter(isShared);
  return `# Command line

<!-- Made from src/cli/options/ by \`npx vitest run test/cli/docs.test.ts -u\`. -->

The command line overrides the environment, the environment overrides a [configuration](#configuration), and a configuration overrides the
default. \`--flag value\` and \`--flag=value\`
are the same, and so are underscores and dashes in long flags. A switch in the environment is \`1\`, \`true\`, \`on\` or
\`enabled\`, or \`0\`, \`false\`, \`off\` or \`disabled\`. Where a switch has a spelling that turns it off, the presence of
\`LLAMA_ARG_NO_X\` turns it off, too. An empty variable counts as unset. The log of commands that
compute names a variable that begins with \`LLAMA_ARG_\` or \`GGUF_EMBED_\` and that no option has. An empty value of a flag is an error, unless it has a
meaning. Errors are one line on standard error with exit code 1; \`--verbose\` adds the stack.

Texts in files and on standard input are UTF-8, or UTF-16 with a byte order mark. Bytes that are not text are an error that
names the first one. Control characters in texts from model files are printed as \`\\u001b\`.

A file that a command writes gets its name when it is whole. It replaces a regular file of this name and takes over owner and permissions. Files that the
command reads, write-protected files, pipes and devices are not replaced.

## Configuration

\`--config FILE\` reads options from a YAML or JSON file, on every command:

\`\`\`yaml
# gguf-embed.yaml: keys are flags without dashes
model: models/bge-small-en-v1.5-Q8_0.gguf
threads: 4
packing: false
serve: # options of one command
  port: 9000
  alias: [bge, text-embedding-3-small]
embed:
  truncate: end
\`\`\`

- A key is any spelling of a flag. A switch is \`true\` or \`false\`, and a number is written without quotes. An option that takes several values, or a
  flag that may be given several times, takes a list.
- Paths are relative to the folder of the file, not to the one that the command starts in.
- At the top are options for every command that has them; commands that lack one leave it alone. A section with the name of a command
  overrides what is at the top.
- Unknown keys, values of a wrong type and options without effect are refused with file and line. An option that only a flag or variable leaves
  without effect is ignored, and the log says so.
- Where a flag or variable names another model, the model of the file and its vision tower do not count. The same holds for other options that
  say the same thing in two ways, such as \`--threads\` and \`--threads-batch\`.
- For \`serve\` with several models, \`model\` is a list, and \`models-preset\` names an [INI file with a section for each model](several-models.md).
  Its sections override the configuration.

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
