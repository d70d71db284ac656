/**
 * @file State that all requests share: the settings, the counters, the admission control, the cache and the model.
 */
import { baseName } from '../engine/info.ts';
import { Counters } from './counters.ts';
import type { Engine } from './engine.ts';
import { AdmissionControl, type HeldBytes } from './middleware/admission.ts';
import type { ServeOptions } from './options.ts';
import { VectorCache } from './vectors/vector-cache.ts';

type Callbacks = 'onError' | 'onRequest' | 'onWarning';
/** Options without a default. */
type Absent = 'defaultPromptName' | 'seed';

/** The options with their defaults, as plain data. */
export type Settings = Required<Omit<ServeOptions, Absent | Callbacks>> & Pick<ServeOptions, Absent>;

/** Whether the server wants requests. */
export interface Readiness {
  /** True once a stop is announced: requests are still answered, but balancers should send them elsewhere. */
  isDraining: boolean;
}

/** The state before the model is loaded. */
export interface ServerState {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly admission: AdmissionControl;
  readonly readiness: Readiness;
  /** `undefined` if the server keeps no vectors. */
  readonly cache: VectorCache | undefined;
}

/** The state with the model. */
export interface ModelState extends ServerState {
  readonly engine: Engine;
  /** Name of the model in answers. */
  readonly name: string;
  /** All names, sorted. */
  readonly aliases: readonly string[];
}

const defaults: Omit<Settings, 'mediaMarker'> = {
  aliases: [],
  tags: [],
  normalize: 2,
  rankScores: 'raw',
  prompts: {},
  imageUrls: [],
  bodyLimit: 100 * 2 ** 20,
  maxQueue: 1024,
  maxQueueBytes: 512 * 2 ** 20,
  cacheSize: 0,
  cacheBytes: 256 * 2 ** 20,
  prefix: '',
  apiKeys: [],
  cors: {},
  slots: true,
  nSlots: 4,
  props: false,
  metrics: false,
  ui: false,
};

/** What several applications in one process share. */
export interface SharedState {
  readonly counters: Counters;
  readonly held: HeldBytes;
}

/**
 * Fills in the defaults.
 * @param shared default: nothing is shared
 */
export function createState(
  { onError: _, onRequest: __, onWarning: ___, ...given }: ServeOptions,
  shared?: SharedState,
): ServerState {
  const options: typeof defaults & Pick<ServeOptions, 'mediaMarker'> = {
    ...defaults,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  const path = options.prefix.replace(/^\/+|\/+$/g, '');
  let marker = options.mediaMarker;
  const settings: Settings = {
    ...options,
    prefix: path === '' ? '' : `/${path}`,
    // Made when it is first asked for: its random numbers make Node load all of its cryptography, which takes 6 ms of a start.
    get mediaMarker() {
      marker ??= randomMarker();
      return marker;
    },
  };
  const { cacheSize, cacheBytes } = settings;
  const cache = cacheSize > 0 ? new VectorCache(cacheSize, cacheBytes) : undefined;
  const counters = shared?.counters ?? new Counters();
  const admission = new AdmissionControl(settings, () => counters.rejected++, shared?.held);
  return { settings, counters, admission, readiness: { isDraining: false }, cache };
}

/** One that no text of a client has by chance, or on purpose. */
function randomMarker(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const numbers = crypto.getRandomValues(new Uint32Array(32));
  return `<__media_${Array.from(numbers, (n) => letters[n % letters.length]).join('')}__>`;
}

/** Adds the model. */
export function withModel(state: ServerState, engine: Engine): ModelState {
  const { aliases } = state.settings;
  const names = [...new Set(aliases.length > 0 ? aliases : [baseName(engine.info.source)])].sort();
  return { ...state, engine, name: names[0], aliases: names };
}
