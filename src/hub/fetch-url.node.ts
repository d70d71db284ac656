/**
 * @file Finds the file of a model by URL, in llama.cpp's layout: named after the last part of the URL, with the server's ETag in a file
 * beside it.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unescapePart } from '../unescape.ts';
import { noteUse, sizeOf } from './cache.node.ts';
import { checkModel } from './check-model.node.ts';
import { partsOf } from './choose-files.ts';
import { isOurs } from './connection.ts';
import { download } from './download.node.ts';
import { HubError, shownUrl } from './errors.ts';
import { fetchModel } from './fetch-model.node.ts';
import { askVersion } from './file-version.ts';
import { withLock } from './lock.node.ts';
import { diskError } from './partial-file.node.ts';
import { withRetries } from './retries.ts';
import type { HubSettings } from './settings.node.ts';

/**
 * The file of a URL. For the first part of a split model, fetches all parts into the same folder. A file of a repository at the hub
 * goes into the hub's cache.
 * @param destination where to store it; a file there that was not downloaded is never replaced
 * @returns its path
 * @throws HubError if it is neither on disk nor can be downloaded, or cannot be stored; the signal's reason
 */
export async function fetchUrl(address: URL, settings: HubSettings, destination?: string): Promise<string> {
  const listed = destination === undefined ? repositoryFile(address, settings) : undefined;
  if (listed !== undefined) return (await fetchModel(listed.repo, { file: listed.file }, settings)).path;
  const name = unescapePart(address.pathname.slice(address.pathname.lastIndexOf('/') + 1));
  if (name === '' || /[\\/:\0]|^\.\.?$/.test(name)) {
    throw new HubError('name', `${shownUrl(address)} does not end with a file name`);
  }
  const [first, ...others] = partsOf(address.pathname).map((path) => {
    const url = new URL(address);
    url.pathname = path;
    return url;
  });
  const path = destination ?? join(settings.urlFolder, name);
  await fetchOne(first, path, destination !== undefined, settings);
  for (const url of others) {
    const beside = join(dirname(path), unescapePart(basename(url.pathname)));
    await fetchOne(url, beside, destination !== undefined, settings);
  }
  return path;
}

/** The repository and path of a hub URL at the newest commit. The URL of a file's page counts as that of the file. */
function repositoryFile(url: URL, settings: HubSettings): { repo: string; file: string } | undefined {
  if (!isOurs(settings, url) || url.search !== '') return undefined;
  const base = new URL(settings.endpoint).pathname;
  const found = /^([^/]+\/[^/]+)\/(?:resolve|blob)\/main\/(.+)$/.exec(url.pathname.slice(base.length));
  return found === null ? undefined : { repo: found[1], file: unescapePart(found[2]) };
}

async function fetchOne(url: URL, path: string, isUsers: boolean, settings: HubSettings): Promise<void> {
  if (settings.offline) {
    if ((await sizeOf(path)) !== undefined) return checkModel(path, path);
    throw new HubError('offline', `${path} does not exist, and requests are switched off (--offline)`);
  }
  // A lock would need a folder that can be written to.
  if (await isCurrent(url, path, isUsers, settings)) return noteUse(path);
  const onWait = () => settings.onMessage?.(`waiting for another process that is downloading ${basename(path)}`);
  await withLock(`${path}.gguf-embed.lock`, { signal: settings.signal, onWait }, async () => {
    if (!(await isCurrent(url, path, isUsers, settings))) {
      settings.onMessage?.(`downloading ${shownUrl(url)}`);
      await rm(etagPath(path), { force: true });
      const partial = `${path}.gguf-embed.partial`;
      const what = { url, destination: path, partial, size: undefined, oid: undefined, isModel: true };
      const etag = await download(what, settings);
      if (etag !== undefined) {
        await writeFile(etagPath(path), etag).catch((cause) => {
          throw diskError(etagPath(path), cause);
        });
      }
    }
    await noteUse(path);
  });
}

/** Whether the file exists and is the server's current version, or the server does not answer. */
async function isCurrent(url: URL, path: string, isUsers: boolean, settings: HubSettings): Promise<boolean> {
  const size = await sizeOf(path);
  if (size === undefined) return false;
  const kept = await readFile(etagPath(path), 'utf8').catch(() => undefined);
  if (kept === undefined && isUsers) {
    settings.onMessage?.(`using the existing ${path}, which was not downloaded, without a check for a newer version`);
    return true;
  }
  try {
    const version = await withRetries(settings, () => askVersion({ url, size: undefined }, settings), 2);
    const isSame = (version.size ?? size) === size && (version.etag === undefined || version.etag === kept);
    // An earlier version, or another program, may have stored a file that is not a model.
    return (
      isSame &&
      (await checkModel(path, path).then(
        () => true,
        () => false,
      ))
    );
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    settings.onMessage?.(`${error.message}; using the existing file`);
    return true;
  }
}

function etagPath(path: string): string {
  return `${path}.etag`;
}
