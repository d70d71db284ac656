/**
 * @file Where the files of a model at the hub are, for programs that download them themselves.
 */
import { chooseFiles } from './choose-files.ts';
import { fileUrl, listRepository } from './listing.ts';
import { parseModelName } from './model-name.ts';
import type { HubOptions } from './options.ts';
import { connectionOf } from './remote-model.ts';

/** Options of `modelUrls`. */
export interface ModelUrlsOptions extends Pick<HubOptions, 'endpoint' | 'token' | 'file'> {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The addresses of a model at the hub: one, or those of all parts of a split model, in order. In browsers, `Embedder.load` reads a model
 * by ranges and keeps nothing; with the address, a page downloads the file, keeps it, and loads it as a Blob.
 * @param name `user/repo` or `user/repo:quant`, with or without `hf:` before it
 * @throws HubError if there is no such model, or the hub does not answer; the signal's reason
 */
export async function modelUrls(name: string, options: ModelUrlsOptions = {}): Promise<URL[]> {
  const { repo, tag } = parseModelName(name);
  const connection = connectionOf(options);
  const { commit, files } = await listRepository(connection, repo);
  return chooseFiles(repo, files, { tag, file: options.file }).model.map(({ path }) =>
    fileUrl(connection, repo, commit, path),
  );
}
