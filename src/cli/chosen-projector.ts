/**
 * @file Which vision tower the options name, and where its file is: on disk already, or downloaded first.
 */
import { hubEvents, hubOptions } from './chosen-model.ts';
import type { OptionValues } from './option-table.ts';
import { UsageError } from './usage-error.ts';

/**
 * The path of the file with the vision tower: of `--mmproj`, of `--mmproj-url`, or of the repository of `-hf` if it has one. `undefined` without
 * one.
 * @throws UsageError for a URL that is none, HubError when a file cannot be had; the signal's reason
 */
export async function locateProjector(values: OptionValues, signal?: AbortSignal): Promise<string | undefined> {
  const { mmproj, mmprojUrl, mmprojAuto, hfRepo } = values;
  if (mmproj !== undefined) return mmproj;
  const hub = { ...hubOptions(values), ...hubEvents(signal) };
  if (mmprojUrl !== undefined) {
    if (!/^https?:\/\//i.test(mmprojUrl) || !URL.canParse(mmprojUrl)) {
      throw new UsageError(`--mmproj-url must be a URL of http or https, not "${mmprojUrl}"`);
    }
    const { findModel } = await import('../hub/find-model.node.ts');
    return findModel(mmprojUrl, { ...hub, file: undefined });
  }
  if (hfRepo === undefined || !mmprojAuto) return undefined;
  const { fetchModel } = await import('../hub/fetch-model.node.ts');
  const { hubSettings } = await import('../hub/settings.node.ts');
  const name = hfRepo.startsWith('hf:') ? hfRepo : `hf:${hfRepo}`;
  return (await fetchModel(name, { file: hub.file, projector: true }, await hubSettings(hub))).projector;
}
