/**
 * @file Finds the model that the options name: on disk, in the cache, or by downloading it.
 */
import { shownUrl } from '../../hub/errors.ts';
import { nameAtHub } from '../../hub/model-name.ts';
import type { HubOptions } from '../../hub/options.ts';
import { log } from '../log.ts';
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';
import { downloadProgress } from './download-progress.ts';

/** A model as the user names it. */
export interface ChosenModel {
  /** The path, name or URL, for messages. */
  readonly name: string;
  /** Whether it is a file, and nothing has to be looked for at the hub. */
  readonly isLocal: boolean;
  /** `hf:user/repo[:quant]` of a model of the hub. */
  readonly hubName?: string;
  /**
   * The path of its file, or of the first of its parts. Downloads a model that is given by name or URL if necessary.
   * @throws HubError if it cannot be downloaded; the signal's reason
   */
  locate(signal?: AbortSignal): Promise<string>;
}

/** The options that name a model. */
type Naming = Pick<
  OptionValues,
  'model' | 'hfRepo' | 'hfFile' | 'modelUrl' | 'hfToken' | 'offline' | 'mmproj' | 'mmprojUrl'
>;

/**
 * The model that the options name; `undefined` if they name none. A repository takes precedence over a URL, and a URL over a
 * path, as in llama.cpp.
 * @throws UsageError for an invalid URL, or an option whose companion is missing
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
    return remote(`hf:${nameAtHub(hfRepo) ?? hfRepo}`, values);
  }
  if (modelUrl !== undefined) {
    if (!/^https?:\/\//i.test(modelUrl) || !URL.canParse(modelUrl)) {
      throw new UsageError(`-mu must be a URL of http or https, not "${modelUrl}"`);
    }
    return model === undefined ? remote(modelUrl, values) : downloadedTo(model, modelUrl, values);
  }
  if (model === undefined) return undefined;
  return isRemote(model) ? remote(model, values) : { name: model, isLocal: true, locate: async () => model };
}

/**
 * Checks the flags that apply only to models at the hub.
 * @param name the name that the user gave
 * @throws UsageError for `--hf-file` without a repository
 */
export function checkHubFlags({ hfFile, hfToken, mmproj, mmprojUrl }: Naming, name: string | undefined): void {
  const isOfHub = name !== undefined && nameAtHub(name) !== undefined;
  if (hfFile !== undefined && !isOfHub) throw new UsageError('--hf-file needs a repository: give it with -hf');
  if (hfToken === undefined || hfToken === process.env.HF_TOKEN || name === undefined) return;
  if ([name, mmproj, mmprojUrl].some((file) => file !== undefined && isRemote(file))) return;
  log('--hf-token is ignored: the model is a local file');
}

/** Whether a text is a name or URL of a remote model, and not a path. */
export function isRemote(model: string): boolean {
  return nameAtHub(model) !== undefined || /^https?:\/\//i.test(model);
}

/** The hub options. */
export function hubOptions({ hfFile, hfToken, offline }: Naming): HubOptions {
  const { HF_TOKEN } = process.env;
  return {
    file: hfFile,
    // The hub's own settings decide when the variable does not apply.
    token: hfToken === HF_TOKEN ? undefined : hfToken,
    offline: offline || undefined,
  };
}

function remote(name: string, values: Naming): ChosenModel {
  const atHub = nameAtHub(name);
  return {
    name: atHub ?? shownUrl(new URL(name)),
    isLocal: false,
    hubName: atHub && `hf:${atHub}`,
    async locate(signal) {
      const { findModel } = await import('../../hub/find-model.node.ts');
      return findModel(name, { ...hubOptions(values), ...hubEvents(signal) });
    },
  };
}

function downloadedTo(path: string, url: string, values: Naming): ChosenModel {
  return {
    name: path,
    isLocal: false,
    async locate(signal) {
      const { fetchUrl } = await import('../../hub/fetch-url.node.ts');
      const { hubSettings } = await import('../../hub/settings.node.ts');
      const settings = await hubSettings({ ...hubOptions(values), ...hubEvents(signal) });
      return fetchUrl(new URL(url), settings, path);
    },
  };
}

/** Listeners that report a download to the user. */
export function hubEvents(signal: AbortSignal | undefined) {
  return { signal, onProgress: downloadProgress(), onMessage: log, onRequest: forbidDeopt };
}

/** Before the first request, since packing needs it afterwards. */
export async function forbidDeopt(): Promise<void> {
  (await import('../../kernels/wasm/packing.node.ts')).forbidDeopt();
}
