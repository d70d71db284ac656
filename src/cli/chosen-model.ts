/**
 * @file Which model the options name, and where its file is: on disk already, or downloaded first.
 */
import { shownUrl } from '../hub/errors.ts';
import type { HubOptions } from '../hub/options.ts';
import { downloadProgress } from './download-progress.ts';
import { log } from './log.ts';
import type { OptionValues } from './option-table.ts';
import { UsageError } from './usage-error.ts';

/** A model as the user names it. */
export interface ChosenModel {
  /** The path, name or URL, for messages. */
  readonly name: string;
  /**
   * The path of its file, or of the first of its parts; a model that is named is downloaded if need be.
   * @throws HubError when it cannot be had; the signal's reason
   */
  locate(signal?: AbortSignal): Promise<string>;
}

/** How the values of options name a model. */
type Naming = Pick<OptionValues, 'model' | 'hfRepo' | 'hfFile' | 'modelUrl' | 'hfToken' | 'offline'>;

/**
 * The model that the options name; `undefined` when they name none. A repository comes before a URL, and a URL before a
 * path, as in llama.cpp.
 * @throws UsageError for an option that lacks the one it belongs to, or a URL that is none
 */
export function chosenModel(values: Naming): ChosenModel | undefined {
  const { model, hfRepo, modelUrl } = values;
  checkHubFlags(values, hfRepo === undefined ? (modelUrl ?? model) : `hf:${hfRepo}`);
  if (hfRepo !== undefined) {
    for (const [flag, value] of [
      ['-m', model],
      ['-mu', modelUrl],
    ]) {
      if (value !== undefined) log(`${flag} ${value} is ignored: -hf names the model`);
    }
    return remote(hfRepo.startsWith('hf:') ? hfRepo : `hf:${hfRepo}`, values);
  }
  if (modelUrl !== undefined) {
    if (!/^https?:\/\//i.test(modelUrl) || !URL.canParse(modelUrl)) {
      throw new UsageError(`-mu must be a URL of http or https, not "${modelUrl}"`);
    }
    return model === undefined ? remote(modelUrl, values) : downloadedTo(model, modelUrl, values);
  }
  if (model === undefined) return undefined;
  return isRemote(model) ? remote(model, values) : { name: model, locate: async () => model };
}

/**
 * Checks the flags that only count for models of the hub.
 * @param name what the user names the model by
 * @throws UsageError for `--hf-file` without a repository
 */
export function checkHubFlags({ hfFile, hfToken }: Naming, name: string | undefined): void {
  const isOfHub = name?.startsWith('hf:');
  if (hfFile !== undefined && !isOfHub) throw new UsageError('--hf-file needs a repository: give it with -hf');
  if (hfToken === undefined || hfToken === process.env.HF_TOKEN || name === undefined || isRemote(name)) return;
  log('--hf-token is ignored: the model is a file of this machine');
}

/** Whether a text names a model elsewhere, and no file. */
export function isRemote(model: string): boolean {
  return /^(?:hf:|https?:\/\/)/i.test(model);
}

/** What the options say about the hub. */
export function hubOptions({ hfFile, hfToken, offline }: Naming): HubOptions {
  const { HF_TOKEN } = process.env;
  return {
    file: hfFile,
    // The hub's own settings know when the variable does not count.
    token: hfToken === HF_TOKEN ? undefined : hfToken,
    offline: offline || undefined,
  };
}

function remote(name: string, values: Naming): ChosenModel {
  return {
    name: name.startsWith('hf:') ? name.slice('hf:'.length) : shownUrl(new URL(name)),
    async locate(signal) {
      const { findModel } = await import('../hub/find-model.node.ts');
      return findModel(name, { ...hubOptions(values), ...hubEvents(signal) });
    },
  };
}

function downloadedTo(path: string, url: string, values: Naming): ChosenModel {
  return {
    name: path,
    async locate(signal) {
      const { fetchUrl } = await import('../hub/fetch-url.node.ts');
      const { hubSettings } = await import('../hub/settings.node.ts');
      const settings = await hubSettings({ ...hubOptions(values), ...hubEvents(signal) });
      return fetchUrl(new URL(url), settings, path);
    },
  };
}

/** What happens while a model is downloaded. */
export function hubEvents(signal: AbortSignal | undefined) {
  return { signal, onProgress: downloadProgress(), onMessage: log };
}
