/**
 * @file Lists of models in the formats of llama-server's router and Ollama.
 */
import type { Engine } from '../engine.ts';
import { modelMeta } from '../routes/models.ts';
import { ollamaList } from '../routes/ollama.ts';
import type { PoolEntry, Running } from './model-pool.ts';
import type { ServedModel } from './served-model.ts';

type Entry = PoolEntry<Running & { readonly engine: Engine }>;

/** One model of GET /models. */
export function modelEntry({ model, status, hasFailed, running }: Entry) {
  return {
    id: model.id,
    aliases: model.aliases,
    tags: model.tags,
    object: 'model',
    owned_by: 'llamacpp',
    created: Math.floor(Date.now() / 1000),
    status: { value: status, ...(hasFailed ? { exit_code: 1, failed: true } : {}) },
    architecture: {
      input_modalities: hasImages(model, running?.engine) ? ['text', 'image'] : ['text'],
      output_modalities: ['text'],
    },
    source: model.source,
    can_remove: false,
    ...(running === undefined ? {} : { meta: modelMeta(running.engine) }),
  };
}

function hasImages({ hasProjector }: ServedModel, engine: Engine | undefined): boolean {
  return hasProjector || engine?.info.vision !== undefined;
}

/** The body of GET /api/tags. Of a model that is not loaded, only the name is known. */
export function ollamaEntries(entries: readonly Entry[]): string {
  return ollamaList(
    entries.map(({ model, running }) => ({
      name: model.id,
      size: running?.engine.info.size ?? 0,
      architecture: running?.engine.info.architecture ?? '',
      nParams: running?.engine.info.nParams,
      ftype: running?.engine.info.ftype ?? '',
    })),
  );
}
