/**
 * @file The command `completion`.
 */
import type { Parsed } from '../options/parse-options.ts';
import { write } from '../output/write.ts';
import { UsageError } from '../usage-error.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

const scripts: Readonly<Record<string, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Prints the script for a shell. */
export async function completion({ positionals }: Parsed): Promise<void> {
  const [shell, ...others] = positionals;
  const known = Object.keys(scripts);
  if (shell === undefined || others.length > 0 || !known.includes(shell))
    throw new UsageError(`give one shell: gguf-embed completion ${known.join('|')}`);
  await write(scripts[shell]());
}
