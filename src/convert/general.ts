/**
 * @file The `general.` keys: the description of a model, from its model card, its config and the name of its folder.
 */
import type { GgufWriter } from '../gguf/index.ts';
import { type Checkout, type Json, readText } from './checkout/checkout.ts';
import { type FrontMatter, readFrontMatter } from './checkout/model-card.ts';
import { parseModelId, sizeLabel } from './model-id.ts';

/** The description of a model. Each field comes from the first source that has it. */
interface General {
  name?: string;
  author?: string;
  version?: string;
  organization?: string;
  finetune?: string;
  basename?: string;
  description?: string;
  sizeLabel?: string;
}

/** Keys of the front matter for each field, in order of preference. */
const cardKeys: Readonly<Record<keyof General, readonly string[]>> = {
  name: ['name', 'model_name'],
  author: ['author', 'model_author', 'model_creator'],
  version: ['version'],
  organization: ['organization'],
  finetune: ['finetune'],
  basename: ['basename', 'model_type'],
  description: ['description'],
  sizeLabel: ['size_label'],
};

/** A model or data set from which this one was made. */
interface Origin {
  readonly name?: string;
  readonly version?: string;
  readonly organization?: string;
  readonly repoUrl?: string;
}

/**
 * Sets `general.architecture`, `general.type` and the description of the model, in llama.cpp's order.
 * @param nParams parameters in the tensors that are written
 */
export async function setGeneral(
  writer: GgufWriter,
  checkout: Checkout,
  config: Json,
  architecture: string,
  nParams: number,
  type: 'model' | 'mmproj' = 'model',
): Promise<void> {
  const card = await readFrontMatter((await readText(checkout, 'README.md')) ?? '');
  const set = (key: string, value: string | undefined) => {
    if (value) writer.set(`general.${key}`, { type: 'string', value });
  };
  set('architecture', architecture);
  set('type', type);
  const general = gather(card, config, checkout.name, nParams);
  set('name', general.name);
  set('author', general.author);
  set('version', general.version);
  set('organization', general.organization);
  set('finetune', general.finetune);
  set('basename', general.basename);
  set('description', general.description);
  set('size_label', general.sizeLabel ?? sizeLabel(nParams));
  set('license', texts(card, 'license').join(','));
  set('license.name', texts(card, 'license_name')[0]);
  set('license.link', texts(card, 'license_link')[0]);
  setOrigins(writer, 'base_model', texts(card, 'base_model', 'base_models'), nParams);
  setOrigins(writer, 'dataset', texts(card, 'datasets', 'dataset'), nParams);
  setList(writer, 'tags', texts(card, 'tags', 'pipeline_tag'));
  setList(writer, 'languages', texts(card, 'languages', 'language'));
}

function gather(card: FrontMatter, config: Json, folder: string, nParams: number): General {
  const general: General = {};
  for (const [field, keys] of Object.entries(cardKeys) as [keyof General, readonly string[]][]) {
    general[field] = texts(card, ...keys)[0];
  }
  const { _name_or_path: path } = config;
  const ids = [typeof path === 'string' && path.split('/').length <= 2 ? path : '', folder];
  for (const id of ids.filter((id) => id !== '')) {
    const { name, organization, basename, finetune, version, sizeLabel } = parseModelId(id, nParams);
    general.name ??= name;
    general.organization ??= organization;
    general.basename ??= basename;
    general.finetune ??= finetune;
    general.version ??= version;
    general.sizeLabel ??= sizeLabel;
  }
  return general;
}

/** All texts under the keys, in order. */
function texts(card: FrontMatter, ...keys: readonly string[]): string[] {
  return keys.flatMap((key) => card.get(key) ?? []).filter((text) => text !== '');
}

function setList(writer: GgufWriter, key: string, values: readonly string[]): void {
  if (values.length > 0) writer.set(`general.${key}`, { type: 'array', value: { elementType: 'string', values } });
}

function setOrigins(writer: GgufWriter, kind: string, ids: readonly string[], nParams: number): void {
  if (ids.length === 0) return;
  writer.set(`general.${kind}.count`, { type: 'uint32', value: ids.length });
  for (const [i, id] of ids.entries()) {
    const origin = readOrigin(id, nParams);
    const set = (key: string, value: string | undefined) => {
      if (value) writer.set(`general.${kind}.${i}.${key}`, { type: 'string', value });
    };
    set('name', origin.name);
    set('version', origin.version);
    set('organization', origin.organization);
    set('repo_url', origin.repoUrl);
  }
}

function readOrigin(id: string, nParams: number): Origin {
  const isUrl = /^(https?|ssh):\/\//.test(id);
  const modelId = isUrl ? /^https?:\/\/huggingface\.co\/([^/]+\/[^/]+)$/.exec(id)?.[1] : id;
  if (modelId === undefined) return { repoUrl: id };
  const { name, version, organization } = parseModelId(modelId, nParams);
  const url = organization === undefined || modelId.includes(' ') ? undefined : `https://huggingface.co/${modelId}`;
  return { name, version, organization, repoUrl: isUrl ? id : url };
}
