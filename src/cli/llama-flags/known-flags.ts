/**
 * @file The flags of llama.cpp's programs that this program knows without having them, found by spelling or by variable.
 */
import type { FlagGroup } from './flag-group.ts';
import { generationFlags } from './generation-flags.ts';
import { ignoredFlags } from './ignored-flags.ts';
import { refusedFlags } from './refused-flags.ts';

/** A flag that is accepted without effect, or refused. */
export interface KnownFlag {
  readonly spellings: readonly string[];
  /** How many values follow it. */
  readonly arity: number;
  /** Environment variable that does the same. */
  readonly env: string | undefined;
  readonly refused: boolean;
  readonly why: string;
}

/** Groups of flags without effect. */
export const ignoredGroups: readonly FlagGroup[] = [...ignoredFlags, ...generationFlags];

/** Groups of flags that are refused. */
export const refusedGroups: readonly FlagGroup[] = refusedFlags;

/** All of them, in the order of the tables. */
export const knownFlags: readonly KnownFlag[] = [...expand(ignoredGroups, false), ...expand(refusedGroups, true)];

function expand(groups: readonly FlagGroup[], refused: boolean): KnownFlag[] {
  return groups.flatMap(({ why, flags }) =>
    flags.map(([spellings, arity, env]) => ({ spellings: spellings.split(', '), arity, env, refused, why })),
  );
}
