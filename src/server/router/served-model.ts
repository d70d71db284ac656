/**
 * @file What a server of several models knows about each model, loaded or not.
 */
import type { BatchReport, Progress } from '../../engine/index.ts';
import type { Engine } from '../engine.ts';
import type { ServeOptions } from '../options.ts';

/** What the model computes. */
export type ModelKind = 'embedding' | 'rank';

/** What the server provides for loading a model. */
export interface LoadContext {
  readonly signal: AbortSignal;
  /** Pass it to `Embedder.load`, so that the server counts batches. */
  readonly onBatch: (batch: BatchReport) => void;
  /** Pass it to `Embedder.load`. */
  readonly onProgress: (progress: Progress) => void;
}

/** A model that can be loaded. */
export interface ServedModel {
  /** Its name in lists and answers. */
  readonly id: string;
  /** Other names by which requests may choose it. */
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
  /** Its origin, in llama-server's words. */
  readonly source: 'models_dir' | 'preset' | 'command_line' | 'cache';
  /** Whether to load it when the server starts. */
  readonly loadOnStartup: boolean;
  /** Whether it has a vision tower. */
  readonly hasProjector: boolean;
  /** Its own settings, if they differ from those of the server. */
  readonly options: Pick<ServeOptions, 'normalize' | 'rankScores' | 'prompts' | 'defaultPromptName'>;
  /** What it computes; `undefined` if the file cannot be read or does not exist yet. */
  kind(): Promise<ModelKind | undefined>;
  /** Bytes of the loaded model. Downloads it if necessary. */
  size(signal: AbortSignal): Promise<number>;
  /** Loads the model. */
  load(context: LoadContext): Promise<Engine & { dispose(): Promise<void> }>;
}
