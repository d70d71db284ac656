/**
 * @file The modules that a text goes through, in order. A router (`Asym` in older checkouts) has a list for each side of a search.
 */
import { ConvertError } from '../conversion-error.ts';
import { type Checkout, isObject, type Json, readJson, readJsonObject } from './checkout.ts';
import { idleKinds, layerKinds, routerKinds } from './module-kinds.ts';

const FILE = 'modules.json';
const routes = ['query', 'document'];
/** The settings of a router, and those of older ones. */
const routerFiles = ['router_config.json', 'config.json'];

/** A module: its type, the last part of it, and its folder. */
export interface Module {
  readonly type: string;
  readonly kind: string;
  readonly path: string;
}

/** The modules of a model, or of a side of a search, without those that change nothing. */
export interface ModuleList {
  readonly route?: string;
  readonly modules: readonly Module[];
}

/** The modules that `modules.json` lists; none without the file. @throws ConvertError when it is not a list of modules */
export async function listModules(checkout: Checkout): Promise<Module[]> {
  const modules = (await readJson(checkout, FILE)) ?? [];
  if (!Array.isArray(modules)) throw new ConvertError('expected a list of modules', FILE);
  return modules.map(nameModule);
}

function nameModule(module: unknown): Module {
  if (!isObject(module) || typeof module.type !== 'string') throw new ConvertError('a module has no type', FILE);
  const { type, path } = module;
  return { type, kind: kindOf(type), path: typeof path === 'string' ? path : '' };
}

function kindOf(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/**
 * One list, or with a router one for each side, the default first. The sides differ by layers over pooled vectors only.
 * @throws ConvertError for a router with other routes, and for sides that do not share the rest of the model
 */
export async function moduleLists(checkout: Checkout): Promise<ModuleList[]> {
  const isUsed = ({ kind }: Module) => !idleKinds.includes(kind);
  const all = (await listModules(checkout)).filter(isUsed);
  const at = all.findIndex(({ kind }) => routerKinds.includes(kind));
  if (at < 0) return [{ modules: all }];
  const lists = (await readRouter(checkout, all[at])).map(({ route, modules }) => ({
    route,
    modules: [...all.slice(0, at), ...modules.filter(isUsed), ...all.slice(at + 1)],
  }));
  const shared = lists.map(({ modules }) => modules.filter(({ kind }) => !layerKinds.includes(kind)));
  if (shared.some((modules) => describe(modules) !== describe(shared[0]))) {
    const found = lists.map(({ route }, i) => `${route} has ${describe(shared[i])}`).join(', ');
    throw new ConvertError(
      `the sides of the ${all[at].kind} differ by more than ${layerKinds.join(', ')}: ${found}. A file has one model: convert the folder of each Transformer by itself, and choose its pooling with --pooling`,
      FILE,
    );
  }
  return lists;
}

function describe(modules: readonly Module[]): string {
  return modules.map(({ kind, path }) => (path === '' ? kind : `${kind} (${path})`)).join(' and ') || 'no other module';
}

/** The folder of the transformer; empty if it is the checkout itself. */
export async function transformerPath(checkout: Checkout): Promise<string> {
  const [{ modules }] = await moduleLists(checkout);
  return modules.find(({ kind }) => kind === 'Transformer')?.path ?? '';
}

async function readRouter(checkout: Checkout, { kind, path }: Module): Promise<Required<ModuleList>[]> {
  const { json, file, folder } = await readSettings(checkout, path);
  const { types, structure, parameters } = json;
  const fail = (problem: string) => new ConvertError(`the module ${kind} ${problem}`, file);
  if (!isObject(types) || !isObject(structure)) throw fail('lists no types and structure');
  const found = Object.keys(structure);
  if (found.length !== routes.length || !routes.every((name) => found.includes(name))) {
    throw fail(`has the routes ${found.join(', ') || 'none'}; only ${routes.join(' and ')} are converted`);
  }
  const settings = isObject(parameters) ? parameters : {};
  if (isObject(settings.route_mappings) && Object.keys(settings.route_mappings).length > 0) {
    throw fail('chooses routes by route_mappings; only the names of the routes are converted');
  }
  const byDefault = typeof settings.default_route === 'string' ? settings.default_route : found[0];
  if (!found.includes(byDefault))
    throw fail(`has the default route ${JSON.stringify(byDefault)}, which does not exist`);
  return [byDefault, ...found.filter((name) => name !== byDefault)].map((route) => {
    const listed = structure[route];
    if (!Array.isArray(listed)) throw fail(`has no list of modules for ${route}`);
    const modules = listed.map((id): Module => {
      const type = String(types[String(id)] ?? id);
      return { type, kind: kindOf(type), path: `${folder}${id}` };
    });
    return { route, modules };
  });
}

async function readSettings(checkout: Checkout, path: string): Promise<{ json: Json; file: string; folder: string }> {
  const folder = path === '' ? '' : `${path}/`;
  for (const name of routerFiles) {
    const json = await readJsonObject(checkout, `${folder}${name}`);
    if (json !== undefined) return { json, file: `${folder}${name}`, folder };
  }
  throw new ConvertError('modules.json names this file, but it does not exist', `${folder}${routerFiles[0]}`);
}
