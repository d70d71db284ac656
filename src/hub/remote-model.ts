/**
 * @file Reads remote models by ranges: in browsers, and to inspect a file without downloading it.
 */
import { chooseFiles, type Wanted } from './choose-files.ts';
import { type Connection, checkConnection } from './connection.ts';
import { HubError } from './errors.ts';
import { fileUrl, listRepository } from './listing.ts';
import { nameAtHub, parseModelName } from './model-name.ts';
import { DEFAULT_ENDPOINT, type HubEvents, type HubOptions } from './options.ts';
import { openRemote, type RemoteSource } from './remote-source.ts';

/** A remote model: its file, and a function that opens another part by name. */
export interface RemoteModel {
  readonly source: RemoteSource;
  openSibling(name: string): Promise<RemoteSource>;
}

/** How to reach the hub without environment variables. */
export function connectionOf({
  endpoint = DEFAULT_ENDPOINT,
  token,
  signal,
  onMessage,
  onRequest,
}: HubOptions & HubEvents): Connection {
  return { ...checkConnection(endpoint, token), signal, onMessage, onRequest };
}

/**
 * Opens a model for reading by ranges.
 * @param source `hf:user/repo[:quant]`, or a URL of http or https
 * @param wanted which file of the repository; the name has the quant
 * @param blockBytes as `openRemote` takes it
 * @throws HubError if the file does not exist or cannot be fetched; the signal's reason
 */
export async function openRemoteModel(
  source: string,
  connection: Connection,
  { blockBytes, ...wanted }: Omit<Wanted, 'tag'> & { readonly blockBytes: number },
): Promise<RemoteModel> {
  const { url, size } =
    nameAtHub(source) === undefined
      ? { url: new URL(source), size: undefined }
      : await find(source, connection, wanted);
  return {
    source: await openRemote(url, connection, blockBytes, size),
    openSibling(name) {
      const sibling = new URL(name);
      if (sibling.origin !== url.origin) throw new HubError('bad-answer', `${name} is on another host`);
      sibling.search = url.search;
      return openRemote(sibling, connection, blockBytes);
    },
  };
}

async function find(
  source: string,
  connection: Connection,
  wanted: Omit<Wanted, 'tag'>,
): Promise<{ url: URL; size: number }> {
  const { repo, tag } = parseModelName(source);
  const { commit, files } = await listRepository(connection, repo);
  const [first] = chooseFiles(repo, files, { tag, ...wanted }).model;
  return { url: fileUrl(connection, repo, commit, first.path), size: first.size };
}
