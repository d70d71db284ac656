/**
 * @file Lists the models in the cache, and vision towers without one, and removes them. Never touches files of other kinds, which belong to other programs.
 */
import { lstat, readlink, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemReason } from '../gguf/system-error.ts';
import { allNear } from '../nearest.ts';
import {
  listRepoFolders,
  listSnapshots,
  namesIn,
  type RepoFolder,
  readRefs,
  repoFolder,
  type Snapshot,
  sizeOf,
} from './cache.node.ts';
import { type FileKind, isModelFile, isProjectorFile, partsOf, tagOf } from './choose-files.ts';
import { HubError } from './errors.ts';
import { parseModelName } from './model-name.ts';
import type { HubSettings } from './settings.node.ts';

/** A model in the cache, or a vision tower that was downloaded without its model. */
export interface CachedModel {
  readonly kind: FileKind;
  /** `user/repo:TAG`, or the name of a file that was downloaded by URL. */
  readonly name: string;
  /** Its file, or the first of its parts. */
  readonly path: string;
  /** Bytes of all parts. */
  readonly size: number;
  readonly lastUsed: Date;
}

/** A file or folder that was removed, or would be. */
export interface Removed {
  readonly path: string;
  readonly size: number;
}

type Folders = Pick<HubSettings, 'cacheFolder' | 'urlFolder'>;

/** Suffixes of unfinished downloads: ours, llama.cpp's and huggingface_hub's. */
const PARTIAL = /\.(?:gguf-embed\.partial(?:\.json(?:\.new)?)?|downloadInProgress|incomplete)$/;
/** An unfinished download without a write for this many milliseconds counts as abandoned. */
const LEFT_OVER_AFTER = 60 * 60 * 1000;

/** The models in the cache by name, and vision towers without one. A file that several commits contain is listed once. */
export async function listCachedModels(folders: Folders): Promise<CachedModel[]> {
  const found = new Map<string, CachedModel>();
  for (const folder of await listRepoFolders(folders.cacheFolder)) {
    for (const snapshot of await listSnapshots(folder)) {
      for (const model of await modelsIn(folder.repo, snapshot)) {
        if (!found.has(`${folder.repo}/${model.file}`)) found.set(`${folder.repo}/${model.file}`, model);
      }
    }
  }
  const models = [...found.values(), ...(await modelsByUrl(folders.urlFolder))];
  return models.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Removes the model with this name, or name and quant, from the cache, with the files that only it needs.
 * @throws HubError if the model is not in the cache, with similar names
 */
export async function removeModel(name: string, folders: Folders): Promise<Removed[]> {
  const byUrl = (await modelsByUrl(folders.urlFolder)).find((model) => model.name === name);
  if (byUrl !== undefined) return removeAll([byUrl.path, `${byUrl.path}.etag`]);
  const known = (await listCachedModels(folders)).map((model) => model.name);
  if (!known.some((other) => other === name || other.startsWith(`${name}:`))) {
    const [near] = allNear(name, [...known, ...known.map((other) => other.replace(/:[^:]*$/, ''))]);
    throw new HubError(
      'not-found',
      `${name} is not in the cache${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  }
  const { repo, tag } = parseModelName(name);
  const folder = repoFolder(folders.cacheFolder, repo);
  const links: string[] = [];
  for (const snapshot of await listSnapshots(folder)) {
    const models = await modelsIn(repo, snapshot);
    const going = tag === undefined ? models : models.filter((model) => model.name === name);
    // The vision tower is removed with the last model.
    const isLast = going.length === models.length;
    const files = isLast ? snapshot.files.filter(({ path }) => path.endsWith('.gguf')) : [];
    links.push(...going.flatMap((model) => model.parts), ...files.map(({ location }) => location));
  }
  const removed = [...(await removeAll([...new Set(links)])), ...(await removeOrphans(folder))];
  await removeEmptyFolders(folder.path);
  return removed.filter(({ size }) => size > 0);
}

/**
 * Removes unused files: commits without a branch, blobs without a commit, abandoned downloads.
 * @param dryRun reports what would be removed, and removes nothing
 */
export async function pruneCache(folders: Folders, dryRun: boolean): Promise<Removed[]> {
  const going: string[] = await leftOver(folders.urlFolder);
  for (const folder of await listRepoFolders(folders.cacheFolder)) {
    going.push(...(await leftOver(join(folder.path, 'blobs'))));
    const snapshots = await listSnapshots(folder);
    // Repositories without a GGUF file belong to other programs.
    if (!snapshots.some(({ files }) => files.some(({ path }) => path.endsWith('.gguf')))) continue;
    const current = (await readRefs(folder)).map(({ commit }) => commit);
    const old = current.length === 0 ? [] : snapshots.filter(({ commit }) => !current.includes(commit));
    const kept = snapshots.filter((snapshot) => !old.includes(snapshot));
    going.push(...old.map(({ path }) => path), ...(await orphansOf(folder, kept)));
  }
  if (!dryRun) return (await removeAll(going)).filter(({ size }) => size > 0);
  const sizes = await Promise.all(going.map(async (path) => ({ path, size: await ownSize(path) })));
  return sizes.filter(({ size }) => size > 0);
}

/** Models of one snapshot, with the paths of their parts; its vision towers, if it has no model that they belong to. */
async function modelsIn(repo: string, { files }: Snapshot) {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const models = files.filter(({ path }) => isModelFile(path));
  const kind: FileKind = models.length > 0 ? 'model' : 'projector';
  const listed = kind === 'model' ? models : files.filter(({ path }) => isProjectorFile(path));
  return Promise.all(
    listed.map(async ({ path, location }) => {
      const parts = partsOf(path).flatMap((part) => byPath.get(part) ?? []);
      const tag = tagOf(path);
      return {
        kind,
        name: tag === undefined ? repo : `${repo}:${tag}`,
        file: path,
        path: location,
        parts: parts.map((part) => part.location),
        size: parts.reduce((sum, { size }) => sum + size, 0),
        lastUsed: await lastUse(location),
      };
    }),
  );
}

/** Files that were downloaded by URL: those with an ETag file beside them. */
async function modelsByUrl(folder: string): Promise<CachedModel[]> {
  const names = await namesIn(folder);
  const kept = names.filter((name) => name.endsWith('.gguf') && names.includes(`${name}.etag`));
  return Promise.all(
    kept.map(async (name) => {
      const path = join(folder, name);
      const kind = isProjectorFile(name) ? 'projector' : 'model';
      return { kind, name, path, size: (await sizeOf(path)) ?? 0, lastUsed: await lastUse(path) };
    }),
  );
}

async function lastUse(path: string): Promise<Date> {
  const { atime, mtime } = await stat(path);
  return atime > mtime ? atime : mtime;
}

/** Blobs to which none of these snapshots has a link. */
async function orphansOf(folder: RepoFolder, snapshots: readonly Snapshot[]): Promise<string[]> {
  const blobs = join(folder.path, 'blobs');
  const used = new Set<string>();
  for (const { location } of snapshots.flatMap(({ files }) => files)) {
    const target = await readlink(location).catch(() => undefined);
    if (target !== undefined) used.add(resolve(dirname(location), target));
    else used.add(await sameFile(blobs, location));
  }
  const names = (await namesIn(blobs)).filter((name) => /^[0-9a-f]{40,64}$/.test(name));
  return names.map((name) => join(blobs, name)).filter((path) => !used.has(path));
}

/** The blob that a hard link in a snapshot shares its data with; empty if there is none. */
async function sameFile(blobs: string, location: string): Promise<string> {
  const { ino, nlink } = await stat(location);
  if (nlink < 2) return '';
  for (const name of await namesIn(blobs)) if ((await stat(join(blobs, name))).ino === ino) return join(blobs, name);
  return '';
}

async function removeOrphans(folder: RepoFolder): Promise<Removed[]> {
  return removeAll(await orphansOf(folder, await listSnapshots(folder)));
}

/** Abandoned downloads in a folder. */
async function leftOver(folder: string): Promise<string[]> {
  const paths = (await namesIn(folder)).filter((name) => PARTIAL.test(name)).map((name) => join(folder, name));
  const ages = await Promise.all(paths.map(async (path) => Date.now() - (await stat(path)).mtimeMs));
  return paths.filter((_, i) => ages[i] > LEFT_OVER_AFTER);
}

async function removeAll(paths: readonly string[]): Promise<Removed[]> {
  const removed: Removed[] = [];
  for (const path of paths) {
    removed.push({ path, size: await ownSize(path) });
    await rm(path, { recursive: true, force: true }).catch((cause) => {
      throw new HubError('disk', `${path} cannot be removed: ${systemReason(cause)}`, { cause });
    });
  }
  return removed;
}

/** Bytes of a file; 0 for a link or a folder of links, whose data is elsewhere. */
async function ownSize(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile()) return found.size;
  if (!found?.isDirectory()) return 0;
  const sizes = await Promise.all((await namesIn(path)).map((name) => ownSize(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Removes the folders of a repository that contain only `refs`. */
async function removeEmptyFolders(path: string): Promise<void> {
  const walk = async (folder: string): Promise<void> => {
    for (const name of await namesIn(folder)) {
      if ((await lstat(join(folder, name))).isDirectory()) await walk(join(folder, name));
    }
    if (basename(folder) !== 'refs') await rmdir(folder).catch(() => {});
  };
  await walk(path);
  const left = await namesIn(path);
  const isEmpty = left.every((name) => ['refs', '.no_exist'].includes(name));
  if (isEmpty) await rm(path, { recursive: true, force: true });
}
