/**
 * @file Names of models on the hub: `user/repo` and `user/repo:quant`.
 */
import { describe } from '../check-options.ts';
import { HubError } from './errors.ts';

/** A repository, and which of its files. */
export interface ModelName {
  /** `user/repo`. */
  readonly repo: string;
  /** Quant, or another part of the file name. */
  readonly tag: string | undefined;
}

/** Prefix of names at the hub, where paths are also allowed; in any case, as schemes of URLs. */
const HUB_SCHEME = /^hf:/i;

/** The name at the hub that follows `hf:`; `undefined` for paths and other URLs. */
export function nameAtHub(text: string): string | undefined {
  return HUB_SCHEME.test(text) ? text.replace(HUB_SCHEME, '') : undefined;
}

/** Most characters of the name of a repository. */
const MAX_LENGTH = 256;
const REPO = /^[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*\/[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*$/;
const TAG = /^[A-Za-z0-9_.-]+$/;

/**
 * Reads `user/repo[:quant]`, with or without `hf:` before it.
 * @throws HubError for a text that is not the name of a repository
 */
export function parseModelName(text: string): ModelName {
  if (typeof text !== 'string') {
    throw new HubError('name', `the name of a model must be a string, as user/repo:quant, not ${describe(text)}`);
  }
  const name = nameAtHub(text) ?? text;
  const colon = name.lastIndexOf(':');
  const repo = colon < 0 ? name : name.slice(0, colon);
  const tag = colon < 0 ? undefined : name.slice(colon + 1);
  if (repo.length > MAX_LENGTH || !REPO.test(repo)) {
    throw new HubError('name', `"${name}" is not the name of a model: user/repo or user/repo:quant was expected`);
  }
  if (tag !== undefined && /\.gguf$/i.test(tag)) {
    throw new HubError(
      'name',
      `"${name}" names a file after the colon, where a quant is expected: name it by --hf-file, or give its URL`,
    );
  }
  if (tag !== undefined && !TAG.test(tag)) {
    throw new HubError('name', `"${name}" has no quant after its colon, as in user/repo:Q8_0`);
  }
  return { repo, tag };
}
