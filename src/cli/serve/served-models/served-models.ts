/**
 * @file Collects the models of a server of several models: from `--model`, a folder and a preset file.
 */
import { resolve } from 'node:path';
import { baseName } from '../../../engine/info.ts';
import { nameAtHub } from '../../../hub/model-name.ts';
import type { ModelStore, ServedModel } from '../../../server/index.ts';
import { readTextFile } from '../../input/read-file.ts';
import { log } from '../../log.ts';
import { isRemote } from '../../model/chosen-model.ts';
import type { OptionValues } from '../../options/option-table.ts';
import type { Parsed } from '../../options/parse-options.ts';
import { UsageError } from '../../usage-error.ts';
import { hubStore } from './hub-store.ts';
import { findModels } from './models-dir.ts';
import { PresetEffects } from './preset-effects.ts';
import { parsePreset } from './preset-file.ts';
import { readSection, type Section } from './preset-section.ts';
import { type Description, servedModel } from './served-model.ts';

/** Options that name or describe a single model. */
const single = ['hfRepo', 'hfFile', 'modelUrl', 'alias', 'tags', 'mmproj', 'mmprojUrl'] as const;

/** The origin of a model, and its name. */
interface Origin {
  readonly source: Description['source'];
  readonly naming: Partial<OptionValues>;
}

/** The models of a server, and what to add models to it with. */
export interface ServedModels {
  /** In the order of their names. */
  readonly models: readonly ServedModel[];
  readonly store: ModelStore;
}

/**
 * All models. Flags and variables override the sections of a preset, which override its section `[*]`, which overrides a configuration.
 * @throws UsageError for an option that describes a single model, two models with the same name, or an invalid preset
 */
export async function servedModels({ values, given, sources }: Parsed): Promise<ServedModels> {
  for (const name of single) {
    if (!given.has(name)) continue;
    throw new UsageError(
      `one of the options is for a single model (${name}): with several, name a model of the hub with -m hf:USER/REPO, and describe models in a file with --models-preset`,
    );
  }
  const origins = new Map<string, Origin>();
  for (const model of (given.get('model') ?? []) as readonly string[]) {
    const id = modelId(model);
    if (origins.has(id))
      throw new UsageError(`two models have the name '${id}': name them in a file with --models-preset`);
    origins.set(id, { source: 'command_line', naming: { model } });
  }
  if (values.modelsDir !== undefined) {
    for (const { id, path, mmproj } of await findModels(values.modelsDir)) {
      const other = origins.get(id)?.naming.model;
      if (other === undefined) origins.set(id, { source: 'models_dir', naming: { model: path, mmproj } });
      else if (resolve(other) !== resolve(path)) log(`${path} is left out: ${other} has the name '${id}', too`);
    }
  }
  const preset = await readPreset(values.modelsPreset);
  const common = preset.get('*');
  const ids = [...new Set([...origins.keys(), ...preset.keys()])].filter((id) => id !== '*').sort();
  if (ids.length === 0) {
    const places = [
      values.modelsDir === undefined ? [] : `--models-dir ${values.modelsDir}`,
      values.modelsPreset === undefined ? [] : `--models-preset ${values.modelsPreset}`,
    ].flat();
    throw new UsageError(`there is no model in ${places.join(' or ')}`);
  }
  const ofServer = Object.fromEntries(
    [...given.keys()]
      .filter((name) => name !== 'model' && sources.get(name)?.layer !== 'file')
      .map((name) => [name, values[name as keyof OptionValues]]),
  );
  const effects = new PresetEffects(common);
  /** A model with the options that hold for all. */
  const describe = (id: string, origin: Origin | undefined, section?: Section) => {
    const source = section === undefined ? (origin?.source ?? 'preset') : 'preset';
    const own = {
      ...values,
      model: undefined,
      ...common?.values,
      ...origin?.naming,
      ...section?.values,
      ...ofServer,
    };
    // Settings for all models must not turn embedding models into rerankers.
    const shared = { ...common?.values, ...ofServer };
    const prefersRank = shared.reranking === true || shared.pooling === 'rank';
    if (prefersRank) {
      own.reranking = section?.values.reranking ?? false;
      own.pooling = section?.values.pooling;
    }
    effects.check(section, own, ofServer);
    const loadOnStartup = section?.loadOnStartup ?? (origin?.source !== 'cache' && common?.loadOnStartup) ?? false;
    return servedModel({ id, source, loadOnStartup, prefersRank }, own);
  };
  const models = await Promise.all(ids.map((id) => describe(id, origins.get(id), preset.get(id))));
  for (const note of effects.notes()) log(note);
  return {
    models,
    store: hubStore(values, (id) => describe(id, { source: 'cache', naming: { hfRepo: id } })),
  };
}

/** The name of a file without its ending; the name of a repository as it is. */
function modelId(model: string): string {
  return nameAtHub(model) ?? baseName(isRemote(model) ? new URL(model).pathname : model).replace(/\.gguf(\.gz)?$/i, '');
}

async function readPreset(path: string | undefined): Promise<ReadonlyMap<string, Section>> {
  const sections = new Map<string, Section>();
  if (path === undefined) return sections;
  for (const [id, entries] of parsePreset(path, await readTextFile('--models-preset', path))) {
    const section = readSection(id, entries);
    for (const note of section.notes) log(note);
    sections.set(id, section);
  }
  return sections;
}
