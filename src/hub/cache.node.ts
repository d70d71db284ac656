/**
 * @file The cache on disk, in the layout of huggingface_hub and llama.cpp: `blobs` by hash, `snapshots` of commits with
 * links to them, `refs` with the commit of each branch.
 */
import { link, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { systemReason } from '../gguf/system-error.ts';
import { HubError } from './errors.ts';
import { diskError } from './partial-file.node.ts';

/** The folder of one repository. */
export interface RepoFolder {
  readonly repo: string;
  readonly path: string;
  /** The folder for the locks of its blobs. */
  readonly locks: string;
}

/** A file of a snapshot. */
export interface CachedFile {
  /** Path in the repository, with `/`. */
  readonly path: string;
  /** Path on disk, inside the snapshot. */
  readonly location: string;
  readonly size: number;
}

/** One commit of a repository: the files of it that are in the cache. */
export interface Snapshot {
  readonly commit: string;
  readonly path: string;
  readonly files: readonly CachedFile[];
}

const PREFIX = 'models--';
const COMMIT = /^[0-9a-f]{40}$/;
/** Limits of a walk through a folder: depth of folders, number of files. */
const MAX_DEPTH = 16;
const MAX_FILES = 100_000;

/** The folder of `user/repo`, whether or not it exists. */
export function repoFolder(cacheFolder: string, repo: string): RepoFolder {
  const name = PREFIX + repo.replaceAll('/', '--');
  return { repo, path: join(cacheFolder, name), locks: join(cacheFolder, '.locks', name) };
}

/**
 * All repositories of the cache; a name that contains `--` is ambiguous in the folder name and is read wrongly.
 * @throws HubError for a cache that is there and cannot be read
 */
export async function listRepoFolders(cacheFolder: string): Promise<RepoFolder[]> {
  const names = await readdir(cacheFolder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return [];
    throw new HubError('disk', `cannot read the cache ${cacheFolder}: ${systemReason(cause)}`, { cause });
  });
  return names
    .sort()
    .filter((name) => name.startsWith(PREFIX) && name.slice(PREFIX.length).includes('--'))
    .map((name) => repoFolder(cacheFolder, name.slice(PREFIX.length).replaceAll('--', '/')));
}

/** Path of a blob. */
export function blobPath(folder: RepoFolder, oid: string): string {
  return join(folder.path, 'blobs', oid);
}

/** The snapshots of a repository: that of `main` first, then that of another branch, then the newest. */
export async function listSnapshots(folder: RepoFolder): Promise<Snapshot[]> {
  const branches = (await readRefs(folder)).toSorted(
    (a, b) => Number(b.branch === 'main') - Number(a.branch === 'main'),
  );
  const commits = (await namesIn(join(folder.path, 'snapshots'))).filter((name) => COMMIT.test(name));
  const aged = await Promise.all(
    commits.map(async (commit) => {
      const path = join(folder.path, 'snapshots', commit);
      const rank = branches.findIndex((ref) => ref.commit === commit);
      return { commit, path, rank: rank < 0 ? Number.POSITIVE_INFINITY : rank, time: (await stat(path)).mtimeMs };
    }),
  );
  aged.sort((a, b) => (a.rank === b.rank ? b.time - a.time : a.rank - b.rank));
  return Promise.all(aged.map(async ({ commit, path }) => ({ commit, path, files: await filesIn(path) })));
}

/** The branches and other references of a repository whose commits are known, such as `main` and `refs/pr/1`. */
export async function readRefs(folder: RepoFolder): Promise<{ branch: string; commit: string }[]> {
  const root = join(folder.path, 'refs');
  const refs = await Promise.all(
    (await filesIn(root)).map(async ({ path, location }) => {
      const text = await readFile(location, 'utf8').catch(() => '');
      return { branch: path, commit: text.trim() };
    }),
  );
  return refs.filter(({ commit }) => COMMIT.test(commit));
}

/** Records the commit of a branch. */
export async function writeRef(folder: RepoFolder, branch: string, commit: string): Promise<void> {
  const path = join(folder.path, 'refs', ...branch.split('/'));
  if ((await readFile(path, 'utf8').catch(() => undefined)) === commit) return;
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}.new`;
  await writeFile(fresh, commit);
  await rename(fresh, path);
}

/**
 * Adds a blob to a snapshot: by a link, or by moving it there if the system does not support links.
 * @returns its path in the snapshot
 */
export async function placeInSnapshot(folder: RepoFolder, commit: string, path: string, oid: string): Promise<string> {
  const location = join(folder.path, 'snapshots', commit, ...path.split('/'));
  const blob = blobPath(folder, oid);
  await mkdir(dirname(location), { recursive: true });
  const fresh = `${location}.${process.pid}.new`;
  await rm(fresh, { force: true });
  try {
    await symlink(relative(dirname(location), blob), fresh);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw diskError(location, error as NodeJS.ErrnoException);
    // Windows without permission for symbolic links. A hard link keeps the blob where other programs look for it.
    await link(blob, fresh).catch(() => rename(blob, fresh));
  }
  await rename(fresh, location).catch((cause) => {
    throw diskError(location, cause);
  });
  return location;
}

/** Size of a file, links followed; `undefined` if it does not exist. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/** Records that a file was used just now, for lists and clean-ups. Does nothing if the cache is read-only. */
export async function noteUse(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) await utimes(path, new Date(), found.mtime).catch(() => {});
}

/** Names in a folder, sorted; none if the folder does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [] as string[])).sort();
}

/** The files below a folder, without links whose blob is missing, and without what this program is writing. */
async function filesIn(root: string): Promise<CachedFile[]> {
  const files: CachedFile[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const name of await namesIn(folder)) {
      if (files.length >= MAX_FILES) return;
      const location = join(folder, name);
      const found = await lstat(location).catch(() => undefined);
      if (found?.isDirectory()) {
        if (depth < MAX_DEPTH) await walk(location, depth + 1);
        continue;
      }
      const size = await sizeOf(location);
      if (size === undefined || /\.\d+\.new$/.test(name)) continue;
      files.push({ path: relative(root, location).split(sep).join('/'), location, size });
    }
  };
  await walk(root, 0);
  return files;
}
