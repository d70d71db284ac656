/**
 * @file The second model: another one of the server, one that the browser keeps, or a file.
 */
import { setSetting } from '../address.ts';
import { secondModel, status } from '../state.ts';
import { t } from '../words/words.ts';
import { loadHere, server, serverModels } from './choice.ts';
import { Choosing } from './choosing.ts';
import type { PageModel } from './page-model.ts';
import { keptModel } from './store.ts';

function use(next: PageModel | undefined): void {
  secondModel.value?.close();
  secondModel.value = next;
}

/** The choice of the second model. */
export const choosingSecond = new Choosing();

/** Takes a model of the server or a kept one by its name; an empty name takes none. */
export async function chooseSecond(name: string): Promise<void> {
  setSetting('second', name);
  if (name === '') {
    choosingSecond.end();
    return use(undefined);
  }
  if (!serverModels.value.includes(name)) {
    return choosingSecond.load(async (signal) => use(await loadHere(await keptModel(name), name, signal)));
  }
  status.value = { text: t('connecting') };
  return choosingSecond.choose(async (signal) => {
    use(await server!.model(name, signal));
    status.value = { text: '' };
  });
}

/** Takes a file of the reader's. */
export function openSecond(file: File): Promise<void> {
  return choosingSecond.load(async (signal) => use(await loadHere(file, file.name, signal)));
}
