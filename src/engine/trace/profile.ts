/**
 * @file Time by operation, from backends that measure it.
 */
import type { Profile } from '../../kernels/wasm/index.ts';
import { InputError } from '../errors.ts';
import type { OpProfile } from '../types.ts';

/** A backend that may collect a profile. */
export interface ProfileSource {
  readonly profile?: Profile;
}

/** @throws InputError if `backend` collects none */
export function readProfile({ profile }: ProfileSource): OpProfile[] {
  if (profile === undefined) {
    throw new InputError('option', 'there is no profile: load the model with profile: true on the wasm backend');
  }
  const rows = Array.from(profile.entries, ([op, entry]) => ({ op, ...entry }));
  return rows.sort((a, b) => b.milliseconds - a.milliseconds);
}
