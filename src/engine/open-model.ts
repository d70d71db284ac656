/**
 * @file The files of a model while it is loaded.
 */

import { printable } from '../gguf/errors.ts';
import { type ByteSource, changeMetadata, type GgufFile, openGguf } from '../gguf/index.ts';
import { ropeMetadata } from '../models/index.ts';
import { nearest } from '../nearest.ts';
import { rankMetadata } from './rank-tokens.ts';
import { type ModelSource, openSource } from './source.ts';
import type { LoadOptions } from './types.ts';

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

/** A model's file, and that of its vision tower. */
export interface OpenModel extends OpenFile {
  readonly projector?: OpenFile;
}

/** The files before their headers are read. */
export interface ModelFiles {
  readonly source: ByteSource;
  readonly projector?: ByteSource;
}

/**
 * Opens the files of a model. The caller closes them.
 * @throws GgufError or HubError if one cannot be opened
 */
export async function openFiles(
  model: ModelSource,
  mmproj: ModelSource | undefined,
  hub: Parameters<typeof openSource>[1],
): Promise<ModelFiles> {
  const source = await openSource(model, hub);
  if (mmproj === undefined) return { source };
  try {
    return { source, projector: await openSource(mmproj, hub) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * @param options metadata to change
 * @throws GgufError if a header cannot be read
 */
export async function readHeaders({ source, projector }: ModelFiles, options: LoadOptions): Promise<OpenModel> {
  const file = await openFileWith(source, options);
  if (projector === undefined) return { source, file };
  return { source, file, projector: { source: projector, file: await openGguf(projector) } };
}

/** Closes the files. */
export async function closeFiles({ source, projector }: ModelFiles): Promise<void> {
  await Promise.all([source.close(), projector?.close()]);
}

/** The files after their headers are read. */
export function closeModel({ source, projector }: OpenModel): Promise<void> {
  return closeFiles({ source, projector: projector?.source });
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
    await source.close();
    throw error;
  }
}
