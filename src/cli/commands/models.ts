/**
 * @file The command `models`.
 */
import { join, sep } from 'node:path';
import type { CachedModel } from '../../hub/cached-models.node.ts';
import { knownModels } from '../../hub/known-models.ts';
import { byteSize, log } from '../log.ts';
import type { Parsed } from '../options/parse-options.ts';
import { write } from '../output/write.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

const USAGE = 'gguf-embed models, gguf-embed models rm NAME..., gguf-embed models prune';

/** Lists the models in the cache, or removes some. */
export async function models({ values, positionals }: Parsed): Promise<void> {
  const [action = 'list', ...names] = positionals;
  refuseUnused(action, values);
  if (values.known && positionals.length === 0) return write(values.json ? knownJson() : knownLines());
  if (action === 'list' && names.length === 0) await list(values.json);
  else if (action === 'rm' && names.length > 0) await remove(names);
  else if (action === 'prune' && names.length === 0) await prune(values.dryRun);
  else if (action === 'rm') throw new UsageError(`which model? ${USAGE}`);
  else throw new UsageError(`${[action, ...names].join(' ')} is not understood here (${USAGE})`);
}

/** @throws UsageError for an option that does not apply to the action */
function refuseUnused(action: string, { known, json, dryRun }: Parsed['values']): void {
  if (known && action !== 'list')
    throw new UsageError(`--known lists models and cannot be used with ${action} (${USAGE})`);
  if (json && action !== 'list')
    throw new UsageError(`--json lists models and cannot be used with ${action} (${USAGE})`);
  if (dryRun && action !== 'prune') throw new UsageError(`--dry-run works with prune only (${USAGE})`);
}

/** Prints the models in the cache in the format of llama-server's --cache-list. */
export async function cacheList(): Promise<void> {
  const { cached } = await openCache();
  const named = (await cached()).filter(({ kind, name }) => kind === 'model' && name.includes(':'));
  const lines = named.map(({ name }, i) => `${String(i + 1).padStart(4)}. ${name}\n`);
  await write(`number of models in cache: ${named.length}\n${lines.join('')}`);
}

/** One line for each known model: name, kind, dimensions, context, pooling, licence, and what to give to -hf. */
function knownLines(): string {
  const rows = knownModels.map(({ name, kind, dimensions, context, pooling, license, gguf, original }) => [
    name,
    kind,
    String(dimensions),
    String(context),
    pooling,
    license,
    gguf === undefined ? `convert ${original}` : `-hf ${gguf}`,
  ]);
  const widths = rows[0].map((_, i) => Math.max(...rows.map((cells) => cells[i].length)));
  return rows
    .map(
      (cells) =>
        `${cells
          .map((cell, i) => cell.padEnd(widths[i]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function knownJson(): string {
  return `${JSON.stringify(knownModels, null, 2)}\n`;
}

async function openCache() {
  const { listCachedModels, pruneCache, removeModel } = await import('../../hub/cached-models.node.ts');
  const { hubSettings } = await import('../../hub/settings.node.ts');
  const settings = await hubSettings();
  return {
    folders: [...new Set([settings.cacheFolder, settings.urlFolder])],
    cached: () => listCachedModels(settings),
    remove: (name: string) => removeModel(name, settings),
    prune: (dryRun: boolean) => pruneCache(settings, dryRun),
  };
}

async function list(json: boolean): Promise<void> {
  const { cached, folders } = await openCache();
  const found = await cached();
  if (json) {
    await write(`${JSON.stringify(found, null, 2)}\n`);
    return;
  }
  if (found.length === 0) {
    log(`there is no model in ${folders.join(' or ')}: gguf-embed pull USER/REPO downloads one`);
    return;
  }
  const width = Math.max(...found.map(({ name }) => name.length));
  for (const model of found) await write(`${line(model, width)}\n`);
  for (const folder of folders) {
    const inside = found.filter(({ path }) => path.startsWith(join(folder, sep)));
    if (inside.length > 0) log(`${counts(inside)}, ${totalSize(inside)}, in ${folder}`);
  }
}

function line({ kind, name, size, lastUsed }: CachedModel, width: number): string {
  const used = `last used ${lastUsed.toISOString().slice(0, 10)}`;
  return `${name.padEnd(width)}  ${byteSize(size).padStart(9)}  ${used}${kind === 'projector' ? towerNote(name) : ''}`;
}

/** How many models there are, and vision towers if there are any. */
function counts(files: readonly CachedModel[]): string {
  const nModels = files.filter(({ kind }) => kind === 'model').length;
  const nTowers = files.length - nModels;
  return [nModels > 0 && plural(nModels, 'model'), nTowers > 0 && plural(nTowers, 'vision tower')]
    .filter(Boolean)
    .join(', ');
}

/** What a vision tower belongs to. One that was downloaded by URL does not say it. */
function towerNote(name: string): string {
  const [repo] = name.split(':');
  return repo.includes('/') ? `  vision tower of ${repo}, without its model` : '  vision tower';
}

async function remove(names: readonly string[]): Promise<void> {
  const cache = await openCache();
  for (const name of names) log(`removed ${name}: ${totalSize(await cache.remove(name))} freed`);
}

async function prune(dryRun: boolean): Promise<void> {
  const removed = await (await openCache()).prune(dryRun);
  for (const { path, size } of removed) await write(`${byteSize(size).padStart(9)}  ${path}\n`);
  log(`${totalSize(removed)} ${dryRun ? 'would be freed' : 'freed'}`);
}

function totalSize(files: readonly { readonly size: number }[]): string {
  return byteSize(files.reduce((sum, { size }) => sum + size, 0));
}
