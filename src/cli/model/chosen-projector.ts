/**
 * @file Finds the model and the vision tower that the options name: on disk, in the cache, or by downloading them.
 */
import type { OptionValues } from '../options/option-table.ts';
import { UsageError } from '../usage-error.ts';
import { type ChosenModel, hubEvents, hubOptions, isRemote } from './chosen-model.ts';

/** The files of a model on this machine. */
export interface LocatedPair {
  readonly path: string;
  /** The file with the vision tower; `undefined` for a model that takes only texts. */
  readonly mmproj: string | undefined;
}

/**
 * The model, with the vision tower of `--mmproj`, of `--mmproj-url`, or of its repository at the hub if it has one.
 * @throws UsageError for an invalid URL, HubError if a file cannot be downloaded; the signal's reason
 */
export async function locatePair(model: ChosenModel, values: OptionValues, signal?: AbortSignal): Promise<LocatedPair> {
  const { mmproj, mmprojUrl, mmprojAuto } = values;
  const { hubName } = model;
  const hub = { ...hubOptions(values), ...hubEvents(signal) };
  if (mmproj === undefined && mmprojUrl !== undefined && !(/^https?:/i.test(mmprojUrl) && URL.canParse(mmprojUrl))) {
    throw new UsageError(`--mmproj-url must be a URL of http or https, not "${mmprojUrl}"`);
  }
  const tower = mmproj ?? mmprojUrl;
  if (tower !== undefined) {
    const path = await model.locate(signal);
    if (!isRemote(tower)) return { path, mmproj: tower };
    const { findModel } = await import('../../hub/find-model.node.ts');
    return { path, mmproj: await findModel(tower, { ...hub, file: undefined, kind: 'projector' }) };
  }
  if (hubName === undefined || !mmprojAuto) return { path: await model.locate(signal), mmproj: undefined };
  const { fetchModel } = await import('../../hub/fetch-model.node.ts');
  const { hubSettings } = await import('../../hub/settings.node.ts');
  const found = await fetchModel(hubName, { file: hub.file, projector: true }, await hubSettings(hub));
  return { path: found.path, mmproj: found.projector };
}
