/**
 * @file The kinds of vectors that `--vectors` asks for.
 */
import { type OutputKind, outputKinds } from '../../engine/types.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';

/** The kinds, each once; dense vectors by default. @throws UsageError for another word */
export function vectorKinds({ vectors = ['dense'] }: Pick<OptionValues, 'vectors'>): readonly OutputKind[] {
  const kinds = outputKinds.filter((kind) => vectors.includes(kind));
  const wrong = vectors.find((word) => !kinds.some((kind) => kind === word));
  if (wrong === undefined) return kinds;
  throw new UsageError(`--vectors must be a list of ${outputKinds.join(', ')}, not "${wrong}"`);
}

/** Whether dense vectors are all, in the formats that have always held them. */
export function isDenseAlone(kinds: readonly OutputKind[]): boolean {
  return kinds.length === 1 && kinds[0] === 'dense';
}
