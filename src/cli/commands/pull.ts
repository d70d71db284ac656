/**
 * @file The command `pull`.
 */
import { nameAtHub } from '../../hub/model-name.ts';
import { abortOnSignal } from '../abort-on-signal.ts';
import { log } from '../log.ts';
import { chosenModel, isRemote } from '../model/chosen-model.ts';
import type { Parsed } from '../options/parse-options.ts';
import { write } from '../output/write.ts';
import { UsageError } from '../usage-error.ts';

/** Downloads models, or finds them in the cache, and prints their paths. */
export async function pull({ values, positionals }: Parsed): Promise<void> {
  const named = positionals.map((name) => {
    const where = isRemote(name) && nameAtHub(name) === undefined ? { modelUrl: name } : { hfRepo: name };
    return chosenModel({ ...values, model: undefined, hfRepo: undefined, modelUrl: undefined, ...where });
  });
  const { hfRepo, modelUrl } = values;
  if (hfRepo !== undefined || modelUrl !== undefined) named.push(chosenModel({ ...values, model: undefined }));
  const chosen = named.filter((model) => model !== undefined);
  if (chosen.length === 0) throw new UsageError('no model: gguf-embed pull USER/REPO[:QUANT], or a URL');
  const signal = abortOnSignal('the downloaded part is kept: run the command again to continue');
  for (const model of chosen) {
    const path = await model.locate(signal);
    log(`${model.name} is in the cache`);
    await write(`${path}\n`);
  }
}
