/**
 * @file Stores the results of the search for the fastest kernels of a GPU, in the caller's cache or in files.
 */
import type { Tuning } from '../../kernels/webgpu/index.ts';
import { hasFiles } from '../platform.ts';
import type { LoadOptions } from '../types.ts';
import type { TuningCache } from './options.ts';

/** The results for one GPU. */
export interface TuningStore {
  /** The results of an earlier search, if any. If they cannot be read, warns and continues without them. */
  read(): Promise<Tuning | undefined>;
  /** Writes after everything that is being written. A failure is a warning. */
  write(tuning: Tuning): void;
  /** Resolves when nothing is being written. */
  written(): Promise<void>;
}

/** Stores nothing without a cache, or when `autotune` is off. */
export async function openTuningStore(
  { autotune, tuningCache }: NonNullable<LoadOptions['gpu']>,
  onWarning: LoadOptions['onWarning'],
): Promise<TuningStore> {
  const cache = autotune === false ? undefined : await openCache(tuningCache);
  if (cache === undefined) return { read: async () => undefined, write: () => {}, written: async () => {} };
  const { findAdapterInfo, tuningKey } = await import('../../kernels/webgpu/index.ts');
  const key = tuningKey(await findAdapterInfo());
  let writing = Promise.resolve();
  return {
    async read() {
      try {
        const text = await cache.read(key);
        return text === undefined ? undefined : parseTuning(text);
      } catch (error) {
        onWarning?.(`the stored tuning results of this GPU are not used (${key}): ${(error as Error).message}`);
        return undefined;
      }
    },
    write(tuning) {
      writing = writing
        .then(() => cache.write(key, JSON.stringify(tuning)))
        .catch((error) => onWarning?.(`cannot write the tuning results of this GPU: ${(error as Error).message}`));
    },
    written: () => writing,
  };
}

async function openCache(wanted: TuningCache | false | undefined): Promise<TuningCache | undefined> {
  if (wanted !== undefined) return wanted || undefined;
  const folder = hasFiles() ? (await import('../cache-folder.node.ts')).cacheFolder() : undefined;
  return folder === undefined ? undefined : (await import('./tuning-cache.node.ts')).fileTuningCache(folder);
}

function parseTuning(text: string): Tuning {
  const value = JSON.parse(text) as Partial<Tuning> | null;
  const { version, tiles } = value ?? {};
  const whole =
    Number.isInteger(version) &&
    typeof tiles === 'object' &&
    tiles !== null &&
    Object.values(tiles).every((tile) => Number.isInteger(tile));
  if (!whole) throw new Error('the file does not hold tuning results');
  return value as Tuning;
}
