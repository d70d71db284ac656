/**
 * @file From the URL of a model to its file on this machine, kept and recognised as llama.cpp does: under the last part of
 * the URL, with the server's ETag beside it.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { noteUse, sizeOf } from './cache.node.ts';
import { checkModel } from './check-model.node.ts';
import { partsOf } from './choose-files.ts';
import { askVersion, download } from './download.node.ts';
import { HubError, shownUrl } from './errors.ts';
import { fetchModel } from './fetch-model.node.ts';
import { withLock } from './lock.node.ts';
import { diskError } from './partial-file.node.ts';
import { isOurs, withRetries } from './requests.ts';
import type { HubSettings } from './settings.node.ts';

/**
 * The file that a URL stands for; of the first part of a split model all parts, the others beside it. A file of a
 * repository at the hub goes into the hub's cache.
 * @param destination where to keep it; a file there that was not downloaded is never replaced
 * @returns its path
 * @throws HubError when it can neither be had nor is there already, or cannot be stored; the signal's reason
 */
export async function fetchUrl(address: URL, settings: HubSettings, destination?: string): Promise<string> {
  const listed = destination === undefined ? repositoryFile(address, settings) : undefined;
  if (listed !== undefined) return (await fetchModel(listed.repo, { file: listed.file }, settings)).path;
  const name = decodeURIComponent(address.pathname.slice(address.pathname.lastIndexOf('/') + 1));
  if (name === '' || /[\\/:]|^\.\.?$/.test(name)) {
    throw new HubError('name', `${shownUrl(address)} does not end in the name of a file`);
  }
  const [first, ...others] = partsOf(address.pathname).map((path) => {
    const url = new URL(address);
    url.pathname = path;
    return url;
  });
  const path = destination ?? join(settings.urlFolder, name);
  await fetchOne(first, path, destination !== undefined, settings);
  for (const url of others) {
    const beside = join(dirname(path), decodeURIComponent(basename(url.pathname)));
    await fetchOne(url, beside, destination !== undefined, settings);
  }
  return path;
}

/** The repository and path of a URL of the hub's newest commit; pages of files stand for the files. */
function repositoryFile(url: URL, settings: HubSettings): { repo: string; file: string } | undefined {
  if (!isOurs(settings, url) || url.search !== '') return undefined;
  const base = new URL(settings.endpoint).pathname;
  const found = /^([^/]+\/[^/]+)\/(?:resolve|blob)\/main\/(.+)$/.exec(url.pathname.slice(base.length));
  return found === null ? undefined : { repo: found[1], file: decodeURIComponent(found[2]) };
}

async function fetchOne(url: URL, path: string, isUsers: boolean, settings: HubSettings): Promise<void> {
  if (settings.offline) {
    if ((await sizeOf(path)) !== undefined) return checkModel(path, path);
    throw new HubError('offline', `${path} does not exist, and requests are switched off (--offline)`);
  }
  await mkdir(dirname(path), { recursive: true }).catch((cause) => {
    throw diskError(path, cause);
  });
  const onWait = () => settings.onMessage?.(`waiting for another process that downloads ${basename(path)}`);
  await withLock(`${path}.gguf-embed.lock`, { signal: settings.signal, onWait }, async () => {
    if (!(await isCurrent(url, path, isUsers, settings))) {
      settings.onMessage?.(`downloading ${shownUrl(url)}`);
      await rm(etagPath(path), { force: true });
      const partial = `${path}.gguf-embed.partial`;
      const what = { url, destination: path, partial, size: undefined, oid: undefined, isModel: true };
      const etag = await download(what, settings);
      if (etag !== undefined) await writeFile(etagPath(path), etag);
    }
    await noteUse(path);
  });
}

/** Whether the file is there and the server has no other version of it, as far as it can be asked. */
async function isCurrent(url: URL, path: string, isUsers: boolean, settings: HubSettings): Promise<boolean> {
  const size = await sizeOf(path);
  if (size === undefined) return false;
  const kept = await readFile(etagPath(path), 'utf8').catch(() => undefined);
  if (kept === undefined && isUsers) {
    settings.onMessage?.(`${path} is there already and was not downloaded: it is used as it is`);
    return true;
  }
  try {
    const version = await withRetries(settings, () => askVersion({ url, size: undefined }, settings), 2);
    const isSame = (version.size ?? size) === size && (version.etag === undefined || version.etag === kept);
    // A file that is no model was kept by an earlier version, or by another program.
    return (
      isSame &&
      (await checkModel(path, path).then(
        () => true,
        () => false,
      ))
    );
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    settings.onMessage?.(`${error.message}; using the file that is there`);
    return true;
  }
}

function etagPath(path: string): string {
  return `${path}.etag`;
}
