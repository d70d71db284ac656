/**
 * @file The architectures that can be run, by the name that `general.architecture` has in the file.
 */
import type { Architecture } from './architecture.ts';
import { bert } from './bert.ts';
import { nomicBert } from './nomic-bert.ts';

const all: readonly Architecture[] = [bert, nomicBert];

/** All architectures by id. */
export const architectures: ReadonlyMap<string, Architecture> = new Map(all.map((entry) => [entry.id, entry]));
