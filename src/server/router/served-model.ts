/**
 * @file What a server of several models knows of each, loaded or not.
 */
import type { BatchReport } from '../../engine/index.ts';
import type { Engine } from '../engine.ts';
import type { ServeOptions } from '../options.ts';

/** What a model computes. */
export type ModelKind = 'embedding' | 'rank';

/** What loading a model needs of the server. */
export interface LoadContext {
  readonly signal: AbortSignal;
  /** To be given to `Embedder.load`, so that batches are counted. */
  readonly onBatch: (batch: BatchReport) => void;
}

/** A model that can be loaded. */
export interface ServedModel {
  /** Its name in lists and answers. */
  readonly id: string;
  /** Other names by which requests may choose it. */
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
  /** Where it comes from, in llama-server's words. */
  readonly source: 'models_dir' | 'preset' | 'command_line';
  /** Whether to load it when the server starts. */
  readonly loadOnStartup: boolean;
  /** Whether a vision tower was named for it. */
  readonly hasProjector: boolean;
  /** How it is served, where that differs from the other models. */
  readonly options: Pick<ServeOptions, 'normalize' | 'rankScores' | 'prompts' | 'defaultPromptName'>;
  /** What it computes; `undefined` for a file that cannot be read, or is not there yet. */
  kind(): Promise<ModelKind | undefined>;
  /** Bytes that it takes when it is loaded. Downloads it if need be. */
  size(signal: AbortSignal): Promise<number>;
  /** Loads it. */
  load(context: LoadContext): Promise<Engine & { dispose(): Promise<void> }>;
}
