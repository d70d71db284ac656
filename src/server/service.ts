/**
 * @file What all handlers share: the model, how it is to be served, and what is under way.
 */
import type { Engine } from './engine.ts';
import type { Fields } from './json-body.ts';
import type { AppOptions } from './options.ts';

/** The model and how it is to be served. */
export interface Service {
  readonly engine: Engine;
  /** Name of the model in answers. */
  readonly name: string;
  /** All names, sorted. */
  readonly aliases: readonly string[];
  readonly options: Required<Omit<AppOptions, 'aliases' | 'onError'>>;
}

/** One request, as a handler sees it. */
export interface Call {
  readonly service: Service;
  /** Reads and parses the body. */
  fields(): Promise<Fields>;
  /** Value of a query parameter. */
  query(name: string): string | undefined;
  /** Value of a path parameter. */
  param(name: string): string | undefined;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** What a handler answers with. */
export type Body = string | Uint8Array<ArrayBuffer>;

/** Makes the JSON of an answer. What it throws becomes the error of the answer. */
export type Handler = (call: Call) => Body | Promise<Body>;

/** Fills in the defaults. */
export function makeService(engine: Engine, options: AppOptions): Service {
  const { aliases = [], onError: _, ...others } = options;
  const names = [...new Set(aliases.length > 0 ? aliases : [fileName(engine.info.source)])].sort();
  return {
    engine,
    name: names[0],
    aliases: names,
    options: {
      tags: [],
      normalize: 2,
      bodyLimit: 100 * 2 ** 20,
      prefix: '',
      apiKeys: [],
      cors: {},
      slots: true,
      nSlots: 4,
      props: false,
      metrics: false,
      ...others,
    },
  };
}

/** Last part of a path. */
export function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
