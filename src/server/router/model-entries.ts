/**
 * @file Lists of models in the formats of llama-server's router and Ollama.
 */
import type { Engine } from '../engine.ts';
import { modelMeta } from '../routes/models.ts';
import { ollamaList } from '../routes/ollama.ts';
import type { PoolEntry, Running, StatusChange } from './pool-entry.ts';
import type { ServedModel } from './served-model.ts';

/** A loaded model whose engine says what it is. */
export interface LoadedEngine extends Running {
  readonly engine: Engine;
}
type Entry = PoolEntry<LoadedEngine>;

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
    can_remove: model.source === 'cache',
    ...(running === undefined ? {} : { meta: modelMeta(running.engine) }),
  };
}

/** A model of GET /models that is being downloaded. */
export function downloadEntry(id: string) {
  return {
    id,
    aliases: [],
    tags: [],
    object: 'model',
    owned_by: 'llamacpp',
    created: Math.floor(Date.now() / 1000),
    status: { value: 'downloading' },
    architecture: { input_modalities: ['text'], output_modalities: ['text'] },
    source: 'cache',
    can_remove: true,
  };
}

/** What GET /models/sse says of a change. */
export function statusEvent(entry: Entry, change: StatusChange): { readonly event: string; readonly data: object } {
  const { status } = change;
  if (change.status === 'unloaded') return { event: 'status_change', data: { status, exit_code: change.exitCode } };
  if (change.status === 'loaded') return { event: 'status_change', data: { status, info: modelEntry(entry) } };
  if (change.status === 'sleeping') return { event: 'status_change', data: { status } };
  if (change.progress === undefined) return { event: 'model_status', data: { status } };
  const progress = { stages: ['text_model'], current: 'text_model', value: change.progress };
  return { event: 'status_change', data: { status, progress } };
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
