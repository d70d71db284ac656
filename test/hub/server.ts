/**
 * @file A hub in a process: answers as the real one does, with files at another origin behind signed URLs, and misbehaves
 * where a test asks for it.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';

/** One request as it came in. */
export interface Seen {
  readonly origin: 'hub' | 'files';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** What a test can change about the answers. */
export interface Behaviour {
  /** Answers a request instead of the hub; `false` leaves it to the hub. */
  intercept?: (seen: Seen, request: IncomingMessage, response: ServerResponse) => boolean;
  /** Whether ranges are given. */
  ranges: boolean;
  /** Bytes after which a connection of the file server is cut; each counts for itself. */
  cutAfter: number;
  /** Milliseconds between two pieces of 64 KiB. */
  pause: number;
  /** ETag of files; by default the hash. */
  etag: string | undefined | null;
}

/** A repository of the hub. */
interface Repository {
  readonly commit: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export const COMMIT = '1'.repeat(40);

/** A running hub. */
export interface TestHub {
  /** Its address, with a `/` at the end. */
  readonly endpoint: string;
  /** Origin of the file server. */
  readonly filesOrigin: string;
  readonly seen: Seen[];
  readonly behaviour: Behaviour;
  /** Adds a repository, or replaces its files by those of another commit. */
  add(repo: string, files: Readonly<Record<string, Uint8Array | string>>, commit?: string): void;
  /** Everything as after the start. */
  reset(): void;
  /** How many requests for bytes of files were answered by the file server. */
  fileRequests(): number;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function gitId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** Files below this size have no LFS entry, as at the hub. */
const LFS_BYTES = 1024;
/** The signature in URLs of files, which no message may show. */
export const SIGNATURE = 'X-Signature=geheim';

/** Starts a hub for the tests of the calling file. */
export async function startHub(): Promise<TestHub> {
  const repositories = new Map<string, Repository>();
  const seen: Seen[] = [];
  const behaviour: Behaviour = { ranges: true, cutAfter: Number.POSITIVE_INFINITY, pause: 0, etag: undefined };
  const files = await listen((request, response) => answerFile(note('files', request), request, response));
  const hub = await listen((request, response) => answerHub(note('hub', request), request, response));
  afterAll(() => {
    for (const server of [hub.server, files.server]) {
      server.closeAllConnections();
      server.close();
    }
  });

  function note(origin: Seen['origin'], request: IncomingMessage): Seen {
    const { range, authorization } = request.headers;
    const entry = { origin, path: request.url ?? '', range, authorization };
    seen.push(entry);
    return entry;
  }

  function answerHub(entry: Seen, request: IncomingMessage, response: ServerResponse): void {
    if (behaviour.intercept?.(entry, request, response)) return;
    const url = new URL(entry.path, hub.origin);
    if (url.pathname === '/api/models') {
      json(response, search(url.searchParams.get('search') ?? ''));
      return;
    }
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(refs|tree\/([0-9a-f]{40}))$/.exec(url.pathname);
    const found = api && repositories.get(api[1]);
    if (found && api[2] === 'refs') {
      const branch = { name: 'main', ref: 'refs/heads/main', targetCommit: found.commit };
      json(response, { branches: [branch], tags: [], converts: [] });
      return;
    }
    if (found) {
      json(response, tree(found));
      return;
    }
    const [, repo, path] = /^\/([^/]+\/[^/]+)\/resolve\/(?:main|[0-9a-f]{40})\/(.+)$/.exec(url.pathname) ?? [];
    const bytes = repositories.get(repo)?.files.get(decodeURIComponent(path ?? ''));
    if (bytes !== undefined) {
      const location = `${files.origin}/${repo}/${path}?${SIGNATURE}`;
      response.writeHead(302, { location, 'x-linked-size': bytes.length, 'x-linked-etag': `"${sha256(bytes)}"` });
      response.end();
      return;
    }
    const code = repositories.has(repo ?? '') ? 404 : 401;
    response.writeHead(code, { 'x-error-code': code === 404 ? 'EntryNotFound' : 'RepoNotFound' });
    response.end(JSON.stringify({ error: code === 404 ? 'Entry not found' : 'Invalid username or password.' }));
  }

  function answerFile(entry: Seen, request: IncomingMessage, response: ServerResponse): void {
    if (behaviour.intercept?.(entry, request, response)) return;
    const [, repo, path] = /^\/([^/]+\/[^/]+)\/([^?]+)/.exec(entry.path) ?? [];
    const bytes = repositories.get(repo)?.files.get(decodeURIComponent(path ?? ''));
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    sendFile(entry, request, response, bytes);
  }

  function sendFile(entry: Seen, request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
    const etag = behaviour.etag === undefined ? `"${sha256(bytes).slice(0, 32)}"` : behaviour.etag;
    const headers: Record<string, string> = etag === null ? {} : { etag };
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(entry.range ?? '') ?? [];
    const ifRange = request.headers['if-range'];
    const partial = behaviour.ranges && first !== undefined && (ifRange === undefined || ifRange === etag);
    const begin = partial ? Number(first) : 0;
    if (partial && begin >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const end = partial ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
    headers['content-length'] = String(end - begin);
    if (partial) headers['content-range'] = `bytes ${begin}-${end - 1}/${bytes.length}`;
    response.writeHead(partial ? 206 : 200, headers);
    void sendSlowly(response, bytes.subarray(begin, end));
  }

  async function sendSlowly(response: ServerResponse, bytes: Uint8Array): Promise<void> {
    const step = Math.min(64 * 1024, behaviour.cutAfter);
    for (let at = 0; at < bytes.length; at += step) {
      if (at >= behaviour.cutAfter) {
        response.destroy();
        return;
      }
      const isSent = response.write(bytes.subarray(at, at + step));
      if (!isSent) await drained(response);
      if (behaviour.pause > 0) await new Promise((resolve) => setTimeout(resolve, behaviour.pause));
      if (response.destroyed) return;
    }
    response.end();
  }

  function search(text: string) {
    const found = [...repositories.keys()].filter((name) => name.includes(text.slice(0, 4)));
    return found.map((id) => ({ id }));
  }

  return {
    endpoint: `${hub.origin}/`,
    filesOrigin: files.origin,
    seen,
    behaviour,
    add(repo, contents, commit = COMMIT) {
      const bytesOf = (value: Uint8Array | string) => (typeof value === 'string' ? Buffer.from(value) : value);
      const entries = Object.entries(contents).map(([path, value]) => [path, bytesOf(value)] as const);
      repositories.set(repo, { commit, files: new Map(entries) });
    },
    reset() {
      repositories.clear();
      seen.length = 0;
      Object.assign(behaviour, { ranges: true, cutAfter: Number.POSITIVE_INFINITY, pause: 0, etag: undefined });
      behaviour.intercept = undefined;
    },
    fileRequests: () => seen.filter(({ origin, range }) => origin === 'files' && range !== 'bytes=0-0').length,
  };
}

/** The files of a repository as the hub lists them. */
function tree({ files }: Repository) {
  return Array.from(files, ([path, bytes]) => {
    const file = { type: 'file', path, size: bytes.length, oid: gitId(bytes) };
    const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 134 };
    return bytes.length < LFS_BYTES ? file : { ...file, lfs };
  });
}

/** Waits until more can be written, or nobody reads any more. */
async function drained(response: ServerResponse): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race(['drain', 'close'].map((name) => once(response, name, { signal }).catch(() => {})));
  over.abort();
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ server: Server; origin: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
