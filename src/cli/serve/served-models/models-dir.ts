/**
 * @file Finds the models in a folder by llama-server's rules.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cannotRead, requireFolder } from '../../input/read-file.ts';

/** A model in a folder. */
export interface FoundModel {
  readonly id: string;
  readonly path: string;
  /** The file of its vision tower. */
  readonly mmproj?: string;
}

/**
 * Every GGUF file in `folder`, by its name, and the model in each sub-folder, by the name of the folder. Later parts, vision towers and
 * draft models do not count as models.
 * @throws UsageError for a folder that cannot be read
 */
export async function findModels(folder: string): Promise<readonly FoundModel[]> {
  await requireFolder('--models-dir', folder);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw cannotRead('--models-dir', folder, error);
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const models: FoundModel[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const files = await readdir(path).catch(() => undefined);
    if (files === undefined) {
      if (isModel(entry.name)) models.push({ id: entry.name.replace(/\.gguf$/, ''), path });
      continue;
    }
    files.sort();
    const gguf = files.filter((name) => name.endsWith('.gguf'));
    const model = gguf.find((name) => name.includes('-00001-of-')) ?? gguf.findLast(isModel);
    const mmproj = gguf.find((name) => name.includes('mmproj'));
    if (model === undefined) continue;
    models.push({ id: entry.name, path: join(path, model), ...(mmproj ? { mmproj: join(path, mmproj) } : {}) });
  }
  return models;
}

/** Prefixes of the names of draft models. */
const drafts = ['mtp-', 'dspark-', 'dflash-'];

function isModel(name: string): boolean {
  return name.endsWith('.gguf') && !name.includes('mmproj') && !drafts.some((draft) => name.startsWith(draft));
}
