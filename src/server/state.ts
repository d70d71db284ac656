/**
 * @file What all handlers share: the model, how it is to be served, and what is under way.
 */
import { baseName } from '../engine/info.ts';
import { Metrics } from './counters.ts';
import type { Engine } from './engine.ts';
import { Gate } from './middleware/admission.ts';
import type { Fields } from './middleware/body.ts';
import type { ServeOptions } from './options.ts';
import { VectorCache } from './vectors/cache.ts';

/** The options with their defaults; plain data. */
export type Settings = Required<Omit<ServeOptions, 'defaultPromptName' | 'onError' | 'onRequest' | 'onWarning'>> &
  Pick<ServeOptions, 'defaultPromptName'>;

/** The parts that do not need the model. */
export interface House {
  readonly options: Settings;
  readonly metrics: Metrics;
  readonly gate: Gate;
  /** `undefined` when vectors are not kept. */
  readonly cache: VectorCache | undefined;
}

/** The model and how it is to be served. */
export interface Service extends House {
  readonly engine: Engine;
  /** Name of the model in answers. */
  readonly name: string;
  /** All names, sorted. */
  readonly aliases: readonly string[];
}

/** One request, as a handler sees it that needs no body. */
export interface Asked {
  readonly service: Service;
  /** Who asks, as far as it is known: clients share the machine equally. */
  readonly client: string | undefined;
  /** Value of a query parameter. */
  query(name: string): string | undefined;
  /** Sets a header of the answer. */
  header(name: string, value: string): void;
  /** Counts the tokens of the request's inputs. */
  countTokens(nTokens: readonly number[]): void;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** One request whose vectors are to be computed. */
export interface Order extends Pick<Asked, 'service' | 'client' | 'signal' | 'countTokens'> {
  /** Asks for room for an answer of so many values, before they are computed. Throws HttpError when there is none. */
  reserve(nValues: number): void;
}

/** One request with work to do. */
export interface Call extends Asked, Order {
  /** Parses the body. */
  fields(): Promise<Fields>;
}

/** The paths of requests with work to do. */
export type WorkPath =
  | '/v1/embeddings'
  | '/embeddings'
  | '/embedding'
  | '/rerank'
  | '/reranking'
  | '/v1/rerank'
  | '/v1/reranking'
  | '/tokenize'
  | '/detokenize';

/** A request whose body is so large that it is handled elsewhere. */
export interface LargeRequest extends Order {
  readonly path: WorkPath;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Content type of the body. */
  readonly type: string;
}

/** Handles large requests off the thread that serves HTTP. */
export interface LargeRequestHandler {
  /** Resolves to the body of the answer; throws what the handler of the path throws. */
  handle(request: LargeRequest): Promise<Uint8Array<ArrayBuffer>>;
}

/** Options of `createApp`. All have defaults. */
export interface AppOptions extends ServeOptions {
  /** Handles requests with large bodies. Default: the thread that serves HTTP does. */
  readonly large?: LargeRequestHandler;
}

/** What a handler answers with. */
export type Body = string | Uint8Array<ArrayBuffer>;

/** Makes the JSON of an answer. What it throws becomes the error of the answer. */
export type Handler<Of extends Asked = Call> = (call: Of) => Body | Promise<Body>;

/** Fills in the defaults. */
export function makeHouse({ onError: _, onRequest: __, onWarning: ___, large: ____, ...given }: AppOptions): House {
  const options: Settings = {
    aliases: [],
    tags: [],
    normalize: 2,
    rankScores: 'raw',
    prompts: {},
    bodyLimit: 100 * 2 ** 20,
    maxQueue: 1024,
    maxQueueBytes: 512 * 2 ** 20,
    cacheSize: 0,
    prefix: '',
    apiKeys: [],
    cors: {},
    slots: true,
    nSlots: 4,
    props: false,
    metrics: false,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  const path = options.prefix.replace(/^\/+|\/+$/g, '');
  const settings = { ...options, prefix: path === '' ? '' : `/${path}` };
  const cache = options.cacheSize > 0 ? new VectorCache(options.cacheSize) : undefined;
  const metrics = new Metrics();
  const gate = new Gate(options, () => metrics.rejected++);
  return { options: settings, metrics, gate, cache };
}

/** Moves the model in. */
export function makeService(engine: Engine, house: House): Service {
  const { aliases } = house.options;
  const names = [...new Set(aliases.length > 0 ? aliases : [baseName(engine.info.source)])].sort();
  return { ...house, engine, name: names[0], aliases: names };
}
