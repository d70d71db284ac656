/**
 * @file Generates the section of docs/compatibility.md about the flags of llama-server from the tables of options and flags.
 */
import type { FlagGroup } from '../llama-flags/flag-group.ts';
import { ignoredGroups, refusedGroups } from '../llama-flags/known-flags.ts';
import { optionTable } from '../options/option-table.ts';
import { handles } from '../options/parse-options.ts';
import { withSection } from './generated-section.ts';
import { code, row } from './reference-page.ts';

/**
 * Replaces this section of the page.
 * @throws Error if the page lacks the comments around it
 */
export function withFlagsSection(page: string): string {
  return withSection(page, 'src/cli/llama-flags/', flagsSection());
}

function flagsSection(): string {
  const ours = optionTable
    .filter((option) => handles(option, 'serve') && (option.env === undefined || !option.env.startsWith('GGUF_EMBED_')))
    .map(({ flags }) => code(flags.at(-1)));
  return `These options of \`serve\` have llama-server's names; [cli.md](cli.md) describes them: ${ours.join(', ')}.

These flags and their environment variables are ignored, and the log says why:

${table(ignoredGroups)}

These flags are refused, because ignoring them would give a result other than the one asked for:

${table(refusedGroups)}`;
}

function table(groups: readonly FlagGroup[]): string {
  const rows = groups.map(({ why, flags }) => row(why, flags.map(([spellings]) => code(spellings)).join(' · ')));
  return `| why | flags |\n|---|---|\n${rows.join('\n')}`;
}
