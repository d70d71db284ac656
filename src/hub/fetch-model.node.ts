/**
 * @file Finds the files of a model by name: in the cache, or by downloading them into it.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { allNear } from '../nearest.ts';
import {
  blobPath,
  type CachedFile,
  listRepoFolders,
  listSnapshots,
  noteUse,
  placeInSnapshot,
  type RepoFolder,
  repoFolder,
  sizeOf,
  writeRef,
} from './cache.node.ts';
import { checkModel } from './check-model.node.ts';
import { chooseFiles, type Wanted } from './choose-files.ts';
import { download } from './download.node.ts';
import { HubError } from './errors.ts';
import { knownModels } from './known-models.ts';
import { fileUrl, type Listing, listRepository, type RepoFile, searchNames } from './listing.ts';
import { withLock } from './lock.node.ts';
import { parseModelName } from './model-name.ts';
import { diskError } from './partial-file.node.ts';
import type { HubSettings } from './settings.node.ts';

/** What the caller asks of a repository. */
export interface ModelRequest extends Wanted {
  /** Whether to fetch the projector, too. */
  readonly projector?: boolean;
}

/** A model on disk. */
export interface FetchedModel {
  /** `user/repo`. */
  readonly repo: string;
  readonly commit: string;
  /** Path of the model, or of its first part; the others are in the same folder. */
  readonly path: string;
  /** Path of the projector of a multimodal model, if requested and present. */
  readonly projector: string | undefined;
}

/**
 * The model `name` (`user/repo[:quant]`) at the newest commit of its repository; without a network, from the cache.
 * @throws HubError if it is neither at the hub nor in the cache, or cannot be stored; the signal's reason
 */
export async function fetchModel(
  name: string,
  { projector = false, ...wanted }: ModelRequest,
  settings: HubSettings,
): Promise<FetchedModel> {
  const { repo, tag } = parseModelName(name);
  const request = { tag, ...wanted, projector };
  const folder = repoFolder(settings.cacheFolder, repo);
  if (settings.offline)
    return fromCache(folder, request, new HubError('offline', 'requests are switched off (--offline)'));
  const cached = await fromCache(folder, request, new HubError('not-found', 'no request was made')).catch(
    () => undefined,
  );
  let listing: Listing;
  try {
    listing = await listRepository(settings, repo, cached === undefined ? undefined : 1);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    if (cached === undefined) throw await withNearNames(error, repo, settings);
    settings.onMessage?.(`${error.message}; using the cache`);
    return cached;
  }
  return fetchListed(folder, listing, request, settings);
}

/** The files of a listing; downloads those that the cache lacks. */
async function fetchListed(
  folder: RepoFolder,
  { branch, commit, files }: Listing,
  { projector, ...wanted }: ModelRequest,
  settings: HubSettings,
): Promise<FetchedModel> {
  const chosen = chooseFiles(folder.repo, files, wanted);
  const all = [...chosen.model, ...(projector && chosen.projector ? [chosen.projector] : [])];
  const total = all.reduce((sum, { size }) => sum + size, 0);
  const places = new Map<string, string>();
  let before = 0;
  for (const file of all) {
    const onProgress = (done: number) => settings.onProgress?.(before + done, total);
    places.set(file.path, await fetchFile(folder, commit, file, { ...settings, onProgress }));
    before += file.size;
  }
  await writeRef(folder, branch, commit).catch((cause) => {
    throw diskError(folder.path, cause);
  });
  const placeOf = (file: RepoFile) => places.get(file.path) as string;
  return {
    repo: folder.repo,
    commit,
    path: placeOf(chosen.model[0]),
    projector: projector && chosen.projector ? placeOf(chosen.projector) : undefined,
  };
}

/** One file in its snapshot. If several processes want it, one of them downloads it. */
async function fetchFile(folder: RepoFolder, commit: string, file: RepoFile, settings: HubSettings): Promise<string> {
  const location = join(folder.path, 'snapshots', commit, ...file.path.split('/'));
  const isModel = /\.gguf(\.gz)?$/i.test(file.path);
  if ((await sizeOf(location)) === file.size) {
    if (isModel) await checkModel(location, location);
    await noteUse(location);
    return location;
  }
  const blob = blobPath(folder, file.oid);
  const lock = join(folder.locks, `${file.oid}.gguf-embed.lock`);
  const onWait = () => settings.onMessage?.(`waiting for another process that is downloading ${file.path}`);
  try {
    return await withLock(lock, { signal: settings.signal, onWait }, async () => {
      if ((await sizeOf(blob)) !== file.size) {
        settings.onMessage?.(`downloading ${folder.repo}/${file.path}`);
        await rm(blob, { force: true });
        await mkdir(join(folder.path, 'blobs'), { recursive: true });
        const { oid, size } = file;
        const url = fileUrl(settings, folder.repo, commit, file.path);
        const partial = `${blob}.gguf-embed.partial`;
        await download({ url, destination: blob, partial, size, oid, isModel }, settings);
      }
      return placeInSnapshot(folder, commit, file.path, file.oid);
    });
  } catch (error) {
    if (error instanceof HubError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw diskError(blob, error as NodeJS.ErrnoException);
  }
}

/**
 * The model from the cache: at the last known commit of `main`, else at the newest commit that has it.
 * @param reason why no request is made
 */
async function fromCache(
  folder: RepoFolder,
  { projector, ...wanted }: ModelRequest,
  reason: HubError,
): Promise<FetchedModel> {
  let missing: unknown;
  for (const { commit, files } of await listSnapshots(folder)) {
    try {
      const chosen = chooseFiles<CachedFile>(folder.repo, files, wanted);
      const { location } = chosen.model[0];
      await noteUse(location);
      const other = projector ? chosen.projector?.location : undefined;
      return { repo: folder.repo, commit, path: location, projector: other };
    } catch (error) {
      missing ??= error;
    }
  }
  const why = missing instanceof HubError ? missing.message : `${folder.repo} is not in the cache (${folder.path})`;
  throw new HubError('offline', `${why}, and ${reason.message}`, { cause: reason });
}

/** The same error with similar names, for a repository that does not exist. */
async function withNearNames(error: HubError, repo: string, settings: HubSettings): Promise<HubError> {
  if (error.code !== 'not-found') return error;
  const cached = (await listRepoFolders(settings.cacheFolder)).map((folder) => folder.repo);
  const known = knownModels.flatMap(({ gguf }) => gguf ?? []);
  const near = [...new Set([...allNear(repo, [...cached, ...known]), ...(await searchNames(settings, repo))])].slice(
    0,
    3,
  );
  if (near.length === 0) return error;
  const { status } = error;
  return new HubError('not-found', `${error.message}; did you mean ${near.join(', or ')}?`, { status, cause: error });
}
