/**
 * @file Checks the options of `embed` that name a token of each input.
 */
import { InputError } from '../errors.ts';
import type { EmbedOptions } from '../types.ts';

/** @throws InputError for a list that does not fit the inputs, or with inputs that may be cut */
export function checkTokenPositions({ pairStarts, poolFrom, truncate }: EmbedOptions, nInputs: number): void {
  check('pairStarts', pairStarts, 'a pair cannot be cut', truncate, nInputs);
  check('poolFrom', poolFrom, 'tokens would move', truncate, nInputs);
}

function check(
  name: string,
  positions: readonly number[] | undefined,
  whyWhole: string,
  truncate: EmbedOptions['truncate'] | undefined,
  nInputs: number,
): void {
  if (positions === undefined) return;
  if (truncate !== undefined && truncate !== false)
    throw new InputError('option', `${name} cannot be used with truncate: ${whyWhole}`);
  if (positions.length !== nInputs || !positions.every((at) => Number.isInteger(at) && at >= 0)) {
    throw new InputError('option', `${name} must hold a token position for each of the ${nInputs} inputs`);
  }
}
