/**
 * @file Generates docs/gguf-embed.1, the man page, from the tables of commands and options.
 */
import { optionTopics } from '../options/option-table.ts';
import { commandNames, type OptionSpec } from '../options/option-types.ts';
import { commands } from './commands.ts';
import { examples } from './examples.ts';
import { notes, spellings } from './help.ts';

/** The page in roff. */
export function manPage(): string {
  const list = commandNames.map(
    (name) => `.TP\n.B ${escaped(`${name} ${commands[name].usage}`)}\n${line(`${commands[name].summary}.`)}`,
  );
  const shown = commandNames.flatMap((name) =>
    examples[name].map(
      ([command, meaning]) => `.PP\n${line(`${meaning}:`)}\n.PP\n.RS 4\n.nf\n${line(command)}\n.fi\n.RE`,
    ),
  );
  return `.\\" Made from src/cli/options/ by \`npx vitest run test/cli/docs.test.ts -u\`.
.TH GGUF\\-EMBED 1
.SH NAME
gguf\\-embed \\- text embeddings and reranking from GGUF model files
.SH SYNOPSIS
.B gguf\\-embed
.I COMMAND
.RI [ OPTIONS ]
.SH DESCRIPTION
Computes the vectors of texts and images, ranks documents, and serves both over HTTP, with models in GGUF files.
.SH COMMANDS
${list.join('\n')}
.SH OPTIONS
${escaped('--flag value and --flag=value are the same, and so are underscores and dashes in long flags.')}
${optionTopics.map(([topic, options]) => `.SS ${topic}\n${options.map(optionText).join('\n')}`).join('\n')}
.SH ENVIRONMENT
The variables in parentheses set options that no flag sets. An empty variable counts as unset.
.SH EXIT STATUS
0 after success, 1 after an error, 129 after SIGHUP, 130 after SIGINT and 143 after SIGTERM. diff, fingerprint \\-\\-check and trace also end with 1 if they find a difference.
.SH EXAMPLES
${shown.join('\n')}
`;
}

function optionText(option: OptionSpec): string {
  const of = option.commands.length === commandNames.length ? '' : ` Commands: ${option.commands.join(', ')}.`;
  return `.TP\n.B ${escaped(spellings(option))}\n${line(`${option.help}${notes(option)}.${of}`)}`;
}

/** A line of text: a dot or an apostrophe at its beginning would be a request. */
function line(text: string): string {
  return (/^[.']/.test(text) ? '\\&' : '') + escaped(text);
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
}
