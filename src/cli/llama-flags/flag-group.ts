/**
 * @file What the tables of flags say that this program knows from llama.cpp without having them.
 */

/** A flag: its spellings separated by commas, how many values follow it, and the environment variable for it. */
type FlagRow = readonly [spellings: string, arity: 0 | 1 | 2, env?: string];

/** Flags that are ignored or refused for the same reason. */
export interface FlagGroup {
  /** Why a flag is ignored; for refused ones what to do instead. */
  readonly why: string;
  readonly flags: readonly FlagRow[];
}
