/**
 * @file The files of a model while it is loaded.
 */

import { printable } from '../../gguf/errors.ts';
import { type ByteSource, changeMetadata, closeUnused, type GgufFile, openGguf } from '../../gguf/index.ts';
import { ropeMetadata } from '../../models/index.ts';
import { nearest } from '../../nearest.ts';
import { loraSources } from '../lora.ts';
import { rankMetadata } from '../rerank/rank-tokens.ts';
import type { LoadOptions } from '../types.ts';
import { type ModelSource, openSource } from './source.ts';

/** An open file and its source. */
export interface OpenFile {
  readonly source: ByteSource;
  readonly file: GgufFile;
}

/** Warns about overridden keys that nothing has read, so that a mistyped key is noticed. */
export function warnUnusedOverrides(
  { metadata }: Pick<GgufFile, 'metadata'>,
  { overrides = {}, onWarning }: Pick<LoadOptions, 'overrides' | 'onWarning'>,
): void {
  if (onWarning === undefined) return;
  for (const key of Object.keys(overrides)) {
    if (metadata.wasUsed(key)) continue;
    const others = [...metadata.keys()].filter((other) => metadata.wasUsed(other));
    const near = nearest(key, others);
    onWarning(
      `overriding ${printable(key)} has no effect: nothing reads this key${near ? `; did you mean ${near}?` : ''}`,
    );
  }
}

/** A model's file, and those of its vision tower and its adapters. */
export interface OpenModel extends OpenFile {
  readonly projector?: OpenFile;
  readonly adapters?: readonly OpenFile[];
}

/** The files before their headers are read. */
export interface ModelFiles {
  readonly source: ByteSource;
  readonly projector?: ByteSource;
  readonly adapters?: readonly ByteSource[];
}

/**
 * Opens the files of a model. The caller closes them.
 * @throws GgufError or HubError if one cannot be opened
 */
export async function openFiles(
  model: ModelSource,
  { mmproj, lora = [] }: Pick<LoadOptions, 'mmproj' | 'lora'>,
  hub: Parameters<typeof openSource>[1],
): Promise<ModelFiles> {
  const opened: ByteSource[] = [];
  const open = async (source: ModelSource, request = hub) => {
    opened.push(await openSource(source, request));
    return opened[opened.length - 1];
  };
  try {
    const source = await open(model);
    const projector =
      mmproj === undefined ? undefined : await open(mmproj, { ...hub, file: undefined, kind: 'projector' });
    const adapters: ByteSource[] = [];
    for (const adapter of loraSources('lora', lora)) adapters.push(await open(adapter.source));
    return { source, projector, adapters };
  } catch (error) {
    await Promise.all(opened.map(closeUnused));
    throw error;
  }
}

/**
 * @param options metadata to change
 * @throws GgufError if a header cannot be read
 */
export async function readHeaders(files: ModelFiles, options: LoadOptions): Promise<OpenModel> {
  const { source, projector, adapters = [] } = files;
  const read = async (one: ByteSource) => ({ source: one, file: await openGguf(one) });
  return {
    source,
    file: await openFileWith(source, options),
    projector: projector && (await read(projector)),
    adapters: await Promise.all(adapters.map(read)),
  };
}

/** Closes the files. */
export async function closeFiles(
  { source, projector, adapters = [] }: ModelFiles,
  close: (source: ByteSource) => Promise<void> = (source) => source.close(),
): Promise<void> {
  await Promise.all([source, projector, ...adapters].map((one) => one && close(one)));
}

/** The files after their headers are read. */
export function closeModel({ source, projector, adapters }: OpenModel): Promise<void> {
  return closeFiles({ source, projector: projector?.source, adapters: adapters?.map((adapter) => adapter.source) });
}

/** All files of a model. */
export function filesOf({ file, projector, adapters = [] }: Omit<OpenModel, 'source'>): readonly GgufFile[] {
  return [file, ...(projector === undefined ? [] : [projector.file]), ...adapters.map((adapter) => adapter.file)];
}

/**
 * The file in `source` with the metadata from the options. Closes the source if it throws.
 * @throws GgufError as `openGguf` and `changeMetadata`, ModelError for invalid RoPE parameters, InputError for tokens to rank by that the file has no use for
 */
export async function openFileWith(
  source: ByteSource,
  { overrides, rope, rankTokens }: LoadOptions,
): Promise<GgufFile> {
  const file = await openGguf(source);
  try {
    const set = { ...rankMetadata(file, rankTokens), ...overrides, ...ropeMetadata(rope ?? {}) };
    return Object.keys(set).length === 0 ? file : await changeMetadata(file, { set });
  } catch (error) {
    await closeUnused(source);
    throw error;
  }
}
