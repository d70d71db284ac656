/** @file The code blocks of README.md and docs. */
import { readdirSync, readFileSync } from 'node:fs';

/** One block. */
export interface Block {
  /** Page and line, for messages. */
  readonly place: string;
  readonly page: string;
  /** `ts`, `sh`…; empty for diagrams. */
  readonly language: string;
  readonly code: string;
}

const pages = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** All blocks of all pages. */
export const blocks: readonly Block[] = pages.flatMap((page) => {
  const text = readFileSync(page, 'utf8');
  return Array.from(text.matchAll(/^```(.*)\n((?:.*\n)*?)```$/gm), ({ index, 1: language, 2: code }) => {
    const line = text.slice(0, index).split('\n').length;
    return { place: `${page}:${line}`, page, language, code };
  });
});

/** Blocks of a language. */
export function blocksOf(language: string): readonly Block[] {
  return blocks.filter((block) => block.language === language);
}

/** Whether a block of TypeScript is a program that uses the package. */
export function isProgram({ code }: Block): boolean {
  return /from 'gguf-embed(\/\w+)?'/.test(code);
}

/** One command of a shell block. */
export interface Command {
  readonly place: string;
  /** The line without the prompt and its comment. */
  readonly line: string;
  /** Its words up to the first pipe or redirection, without quotes. */
  readonly words: readonly string[];
}

/** All commands of the blocks in `sh`; lines that end in a backslash are joined with the next. */
export const commands: readonly Command[] = blocksOf('sh').flatMap(({ place, code }) =>
  code
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ({ place, line: withoutComment(line), words: wordsOf(withoutComment(line)) })),
);

function withoutComment(line: string): string {
  return line.replace(/\s+# .*$/, '').replace(/^npx (?=gguf-embed )/, '');
}

function wordsOf(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const end = words.findIndex((word) => /^[|<>&;]/.test(word));
  return words.slice(0, end < 0 ? undefined : end).map((word) => word.replaceAll(/^'|'$|^"|"$/g, ''));
}
