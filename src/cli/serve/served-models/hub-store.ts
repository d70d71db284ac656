/**
 * @file Models of the hub that are added to a running server and removed from the cache again.
 */
import { parseModelName } from '../../../hub/model-name.ts';
import type { ModelStore, ServedModel } from '../../../server/index.ts';
import { log } from '../../log.ts';
import { forbidDeopt, hubOptions } from '../../model/chosen-model.ts';
import type { OptionValues } from '../../options/option-table.ts';

/** @param describe makes a model of its name in the cache */
export function hubStore(values: OptionValues, describe: (id: string) => Promise<ServedModel>): ModelStore {
  return {
    idOf(name) {
      const { repo, tag } = parseModelName(name);
      return nameOf(repo, tag?.toUpperCase());
    },
    async download(id, signal, onProgress) {
      const { fetchModel } = await import('../../../hub/fetch-model.node.ts');
      const { hubSettings } = await import('../../../hub/settings.node.ts');
      const { tagOf } = await import('../../../hub/choose-files.ts');
      const { basename } = await import('node:path');
      const { repo } = parseModelName(id);
      const events = {
        signal,
        onMessage: log,
        onRequest: forbidDeopt,
        onProgress: (done: number, total: number) => onProgress(String(new URL(repo, settings.endpoint)), done, total),
      };
      const settings = await hubSettings({ ...hubOptions(values), file: undefined, ...events });
      const { path } = await fetchModel(id, { projector: values.mmprojAuto }, settings);
      const model = await describe(nameOf(repo, tagOf(basename(path))));
      // A name without a quant goes on standing for the model.
      return model.id === id ? model : { ...model, aliases: [...model.aliases, id] };
    },
    async remove(id) {
      const { removeModel } = await import('../../../hub/cached-models.node.ts');
      const { hubSettings } = await import('../../../hub/settings.node.ts');
      await removeModel(id, await hubSettings());
    },
  };
}

function nameOf(repo: string, tag: string | undefined): string {
  return tag === undefined ? repo : `${repo}:${tag}`;
}
