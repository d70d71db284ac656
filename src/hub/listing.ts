/**
 * @file Lists a repository: its newest commit and the files in it.
 */
import { allNear } from '../nearest.ts';
import type { Connection } from './connection.ts';
import { HubError, shownUrl } from './errors.ts';
import { requestJson } from './requests.ts';

/** A file of a repository. */
export interface RepoFile {
  readonly path: string;
  readonly size: number;
  /** Name of its blob in the cache: the sha256 of a large file, else git's id. */
  readonly oid: string;
}

/** A repository at one commit. */
export interface Listing {
  /** The requested branch, usually `main`. */
  readonly branch: string;
  readonly commit: string;
  readonly files: readonly RepoFile[];
}

const MAX_FILES = 100_000;
const MAX_PAGES = 200;
const COMMIT = /^[0-9a-f]{40}$/;
const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * The newest commit and its files.
 * @param tries attempts for each request after temporary failures; few if the caller can do without the answer
 * @throws HubError if the repository cannot be listed; if it does not exist, with similar names
 */
export async function listRepository(connection: Connection, repo: string, tries?: number): Promise<Listing> {
  const api = new URL(`api/models/${repo}/`, connection.endpoint);
  const { branch, commit } = readRefs((await requestJson(connection, new URL('refs', api), tries)).value, repo);
  const files: RepoFile[] = [];
  const sizes = new Map<string, number>();
  let page: URL | undefined = new URL(`tree/${commit}?recursive=true`, api);
  for (let pages = 0; page !== undefined; pages++) {
    const { value, next }: { value: unknown; next?: URL } = await requestJson(connection, page, tries);
    if (!Array.isArray(value)) throw bad(page, 'is not a list');
    for (const file of value.flatMap((entry) => readFile(entry, page as URL))) {
      if (sizes.has(file.oid) && sizes.get(file.oid) !== file.size) throw bad(page, `has two sizes for ${file.oid}`);
      sizes.set(file.oid, file.size);
      files.push(file);
    }
    if (files.length > MAX_FILES || pages >= MAX_PAGES) throw bad(page, `has more than ${MAX_FILES} files`);
    if (next !== undefined && next.origin !== api.origin) throw bad(page, 'continues on another host');
    page = next;
  }
  return { branch, commit, files };
}

/** Repositories with GGUF files and similar names, for a name that does not exist. Empty if the hub does not answer. */
export async function searchNames(connection: Connection, repo: string): Promise<string[]> {
  const url = new URL('api/models', connection.endpoint);
  url.search = new URLSearchParams({
    search: repo.slice(repo.indexOf('/') + 1),
    filter: 'gguf',
    limit: '20',
  }).toString();
  try {
    const { value } = await requestJson(connection, url, 1);
    if (!Array.isArray(value)) return [];
    const found = value.flatMap((entry) => (typeof entry?.id === 'string' ? [entry.id as string] : []));
    const near = allNear(repo, found);
    return near.length > 0 ? near : found.slice(0, 3);
  } catch (error) {
    if (error instanceof HubError) return [];
    throw error;
  }
}

/** Download URL of a file. */
export function fileUrl({ endpoint }: Connection, repo: string, commit: string, path: string): URL {
  return new URL(`${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`, endpoint);
}

/** `main`, else the first branch. */
function readRefs(value: unknown, repo: string): { branch: string; commit: string } {
  const { branches } = (value ?? {}) as { readonly branches?: unknown };
  const valid = (Array.isArray(branches) ? branches : []).filter(
    (ref) =>
      typeof ref?.name === 'string' &&
      isSafePath(ref.name) &&
      typeof ref.targetCommit === 'string' &&
      COMMIT.test(ref.targetCommit),
  );
  const chosen = valid.find(({ name }) => name === 'main') ?? valid[0];
  if (chosen === undefined) throw new HubError('bad-answer', `the hub names no commit of ${repo}`);
  return { branch: chosen.name, commit: chosen.targetCommit };
}

/** @throws HubError for a path that cannot be stored, or missing fields */
function readFile(entry: unknown, page: URL): RepoFile[] {
  const { type, path, size, oid, lfs } = (entry ?? {}) as Partial<Record<string, unknown>> & {
    readonly lfs?: { readonly oid?: unknown; readonly size?: unknown } | null;
  };
  if (type !== 'file') return [];
  const shown = JSON.stringify(path);
  if (typeof path !== 'string' || !isSafePath(path)) throw bad(page, `has the invalid path ${shown}`);
  const id = lfs?.oid ?? oid;
  const bytes = lfs?.size ?? size;
  if (typeof id !== 'string' || !OID.test(id)) throw bad(page, `has no hash for ${shown}`);
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) throw bad(page, `has no size for ${shown}`);
  return [{ path, size: bytes as number, oid: id }];
}

/** Whether a path stays inside its folder, on every system. */
function isSafePath(path: string): boolean {
  const parts = path.split('/');
  const ofControls = [...path].some((letter) => letter < ' ' || letter === '\x7f');
  return !ofControls && !/[\\:]/.test(path) && parts.every((part) => part !== '' && part !== '.' && part !== '..');
}

function bad(url: URL, what: string): HubError {
  return new HubError('bad-answer', `the listing ${shownUrl(url)} ${what}`);
}
