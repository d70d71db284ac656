/**
 * @file Finds the file of a model by its name at the hub or by URL.
 */
import { fetchModel } from './fetch-model.node.ts';
import { fetchUrl } from './fetch-url.node.ts';
import { nameAtHub } from './model-name.ts';
import type { FileRequest } from './options.ts';
import { hubSettings } from './settings.node.ts';

/**
 * Finds a model, or a vision tower, in the cache, or downloads it.
 * @param source `hf:user/repo[:quant]`, or a URL of http or https
 * @returns the path of its file, or of the first of its parts
 * @throws HubError if it is neither in the cache nor can be downloaded, or cannot be stored; the signal's reason
 */
export async function findModel(source: string, { file, kind, ...options }: FileRequest): Promise<string> {
  const settings = await hubSettings(options);
  if (nameAtHub(source) === undefined) return fetchUrl(new URL(source), settings);
  return (await fetchModel(source, { file, kind }, settings)).path;
}
