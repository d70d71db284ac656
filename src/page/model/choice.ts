/**
 * @file Choosing the model: one of the server, or one that computes in the page.
 */
import { signal } from '@preact/signals';
import { setSetting, setting } from '../address.ts';
import { model, report, status } from '../state.ts';
import { bytesText, t } from '../words/words.ts';
import { Choosing } from './choosing.ts';
import { download, fileName, modelUrls } from './download.ts';
import { findAtHub, loadInPage } from './in-page.ts';
import type { PageModel } from './page-model.ts';
import { KeyError, Server } from './server.ts';
import { type KeptModel, keepModel, keptModel, keptModels, keptTower, removeModel, towerName } from './store.ts';

/** The server that the page comes from; `undefined` for static files. */
export const server = document.documentElement.dataset.server === undefined ? undefined : new Server();

/** Names of the models of the server. */
export const serverModels = signal<readonly string[]>([]);
/** What the server says about the key; `undefined` if it needs none or has the right one. */
export const keyProblem = signal<string | undefined>(undefined);
/** Whether the models of the server are used, or one in the page. */
export const usesServer = signal(server !== undefined);
/** Models in the browser's store. */
export const kept = signal<readonly KeptModel[]>([]);
/** The choice of the model. */
export const choosing = new Choosing();

const KEY = 'gguf-embed-key';

/** The model in the page: its bytes, or its address. */
let sourceInUse: { readonly name: string; readonly source: Blob | string } | undefined;

function use(next: PageModel | undefined, source?: Blob | string): void {
  model.value?.close();
  model.value = next;
  sourceInUse = next && (source === undefined ? undefined : { name: next.name, source });
  if (next !== undefined) status.value = { text: '' };
}

/** Asks the server for its models and takes the first. */
export async function connect(): Promise<void> {
  if (server === undefined) return;
  server.key = storedKey();
  status.value = { text: t('connecting') };
  await choosing.choose(async (signal) => {
    try {
      serverModels.value = await server.models(() => {
        status.value = { text: t('loadingModel') };
      }, signal);
      keyProblem.value = undefined;
      const wanted = serverModels.value.find((name) => name === setting('model'));
      await useServerModel(wanted ?? serverModels.value[0], signal);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      keyProblem.value = error.message;
      status.value = { text: '' };
    }
  });
}

/** The key of this tab. A browser that stores nothing has the one that was given last. */
let lastKey = '';

function storedKey(): string {
  try {
    return sessionStorage.getItem(KEY) ?? lastKey;
  } catch {
    return lastKey;
  }
}

/** Tries a key. It is kept until the tab is closed. */
export async function tryKey(key: string): Promise<void> {
  lastKey = key;
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // The browser stores nothing for this site: the key is gone with the page.
  }
  await connect();
}

/** Takes a model of the server. */
export function chooseServerModel(name: string): Promise<void> {
  status.value = { text: t('connecting') };
  return choosing.choose((signal) => useServerModel(name, signal));
}

async function useServerModel(name: string, signal: AbortSignal): Promise<void> {
  use(await server!.model(name, signal));
  if (serverModels.value.length > 1) setSetting('model', name);
}

/** Changes between the server and a model in the page. */
export async function setUsesServer(value: boolean): Promise<void> {
  choosing.end();
  usesServer.value = value;
  use(undefined);
  status.value = { text: '' };
  if (value) await connect();
  else await listKept();
}

/** Brings the list of kept models up to date. */
export async function listKept(): Promise<void> {
  kept.value = await keptModels();
}

/** @throws Error for a file that is no model by its name */
function checkName(name: string): void {
  if (!name.toLowerCase().endsWith('.gguf')) throw new Error(t('notGguf', { name }));
}

/** A model that computes in the page; the status says how far its loading is. */
export async function loadHere(
  source: Blob | string,
  name: string,
  signal: AbortSignal,
  mmproj?: Blob,
): Promise<PageModel> {
  checkName(name);
  const onProgress = ({ done, total }: { done: number; total: number }) => {
    status.value = { text: t('loading', { percent: Math.floor((100 * done) / Math.max(1, total)) }) };
  };
  const loaded = await loadInPage(source, name, { mmproj, onProgress, signal });
  status.value = { text: '' };
  return loaded;
}

/** Keeps a model for the next visit. A browser without space still has it loaded. */
async function keep(name: string, bytes: Blob): Promise<void> {
  try {
    await keepModel(name, bytes.stream());
  } catch {
    status.value = { text: t('noSpace'), isProblem: true };
  }
  await listKept();
}

/** Loads a file of the reader's. */
export function openFile(file: File, isKept: boolean): Promise<void> {
  return choosing.load(async (signal) => {
    use(await loadHere(file, file.name, signal), file);
    if (isKept) await keep(file.name, file);
  });
}

/** Downloads a model and loads it. */
export function fetchModel(address: string, isKept: boolean): Promise<void> {
  return choosing.load(async (signal) => {
    const urls = await modelUrls(address.trim(), (name) => findAtHub(name, signal));
    const [url] = urls;
    const name = fileName(url);
    checkName(name);
    if (urls.length > 1) {
      // The engine reads the parts itself.
      use(await loadHere(url.href, name, signal), url.href);
      if (isKept) status.value = { text: t('partsNotKept') };
      return;
    }
    let shown = 0;
    const onProgress = (done: number, total: number) => {
      if (performance.now() - shown < 100) return;
      shown = performance.now();
      const all = total > 0 ? bytesText(total) : '?';
      status.value = { text: t('downloading', { done: bytesText(done), total: all }) };
    };
    const bytes = await download(url, onProgress, signal);
    use(await loadHere(bytes, name, signal), bytes);
    if (isKept) await keep(name, bytes);
  });
}

/** Loads a kept model. */
export function openKept(name: string): Promise<void> {
  return choosing.load(async (signal) => {
    const [bytes, mmproj] = [await keptModel(name), await keptTower(name)];
    use(await loadHere(bytes, name, signal, mmproj), bytes);
  });
}

/** Loads the model in the page again with a vision tower, which is kept if the model is. */
export function openTower(file: File): Promise<void> {
  return choosing.load(async (signal) => {
    checkName(file.name);
    const { name, source } = sourceInUse!;
    use(await loadHere(source, name, signal, file), source);
    if (kept.value.some((one) => one.name === name)) await keep(towerName(name), file);
  });
}

/** Forgets a kept model. */
export async function forget(name: string): Promise<void> {
  await removeModel(name).catch(report);
  await listKept();
}
