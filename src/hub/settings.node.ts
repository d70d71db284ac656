/**
 * @file Folder of the cache, address and token of the hub, from the environment variables of llama.cpp and huggingface_hub.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Connection, checkConnection } from './connection.ts';
import { HubError } from './errors.ts';
import { homeFolder } from './home-folder.node.ts';
import { DEFAULT_ENDPOINT, type HubEvents, type HubOptions } from './options.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options, completed from the environment. */
export interface HubSettings extends Connection {
  readonly cacheFolder: string;
  /** Folder of files that are downloaded by URL: llama.cpp's. */
  readonly urlFolder: string;
  readonly offline: boolean;
  readonly connections: number;
  readonly onProgress?: (done: number, total: number) => void;
}

const DEFAULT_CONNECTIONS = 4;

/**
 * Completes the options from the environment.
 * @throws HubError for an endpoint that is not a URL, a token that a header cannot hold, or a cache without a place
 */
export async function hubSettings(
  options: HubOptions & HubEvents = {},
  env: Environment = process.env,
): Promise<HubSettings> {
  const given = options.endpoint ?? firstOf(env, 'MODEL_ENDPOINT', 'HF_ENDPOINT') ?? DEFAULT_ENDPOINT;
  const { endpoint, token } = checkConnection(given, options.token ?? (await tokenOf(env)));
  return {
    endpoint,
    token,
    cacheFolder: options.cacheFolder ?? cacheFolder(env),
    urlFolder: urlFolder(env, options.cacheFolder),
    offline: options.offline ?? ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'].some((name) => isOn(env[name])),
    connections: options.connections ?? DEFAULT_CONNECTIONS,
    signal: options.signal,
    onProgress: options.onProgress,
    onMessage: options.onMessage,
    onRequest: options.onRequest,
  };
}

/**
 * The cache of the hub, which llama.cpp and huggingface_hub share.
 * @throws HubError for a user without a home folder if no variable names the cache
 */
function cacheFolder(env: Environment): string {
  const named = firstOf(env, 'LLAMA_CACHE', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE');
  if (named !== undefined) return named;
  const home = hubHome(env);
  if (home !== undefined) return join(home, 'hub');
  throw new HubError('disk', 'there is no place for the cache: this user has no home folder; set HF_HOME or HOME');
}

function hubHome(env: Environment): string | undefined {
  const caches = userCaches(env);
  return firstOf(env, 'HF_HOME') ?? (caches && join(caches, 'huggingface'));
}

/** @param named the one folder that holds all models, if there is such a one */
function urlFolder(env: Environment, named = firstOf(env, 'LLAMA_CACHE')): string {
  if (named !== undefined) return named;
  const home = userHome(env);
  const byDefault: Partial<Record<NodeJS.Platform, string>> = {
    darwin: home && join(home, 'Library', 'Caches'),
    win32: firstOf(env, 'LOCALAPPDATA'),
  };
  const caches = byDefault[process.platform] ?? userCaches(env);
  return caches === undefined ? cacheFolder(env) : join(caches, 'llama.cpp');
}

function userCaches(env: Environment): string | undefined {
  const home = userHome(env);
  return firstOf(env, 'XDG_CACHE_HOME') ?? (home && join(home, '.cache'));
}

function userHome(env: Environment): string | undefined {
  return firstOf(env, process.platform === 'win32' ? 'USERPROFILE' : 'HOME') ?? homeFolder();
}

async function tokenOf(env: Environment): Promise<string | undefined> {
  if (isOn(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const given = firstOf(env, 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN');
  if (given !== undefined) return given.trim();
  const home = hubHome(env);
  const path = firstOf(env, 'HF_TOKEN_PATH') ?? (home && join(home, 'token'));
  const text = path && (await readFile(path, 'utf8').catch(() => ''));
  return text?.trim() || undefined;
}

/** The first variable that is set and not empty. */
function firstOf(env: Environment, ...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== '');
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && ['1', 'on', 'yes', 'true'].includes(value.toLowerCase());
}
