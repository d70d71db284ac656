/**
 * @file A model of a server of several, and what state it is in.
 */
import { Counters } from '../counters.ts';
import type { ServedModel } from './served-model.ts';

/** A loaded model. */
export interface Running {
  readonly engine: { readonly failure: Error | undefined };
  dispose(): Promise<void>;
}

type ModelStatus = 'unloaded' | 'loading' | 'loaded' | 'sleeping';

/** A load that is under way. */
export interface Opening {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  /** Whether it still waits for memory. */
  isWaiting: boolean;
  /** Whether to continue if no request waits for it. */
  readonly isKept: boolean;
}

/** A model and its state. */
export class PoolEntry<R extends Running> {
  readonly model: ServedModel;
  /** Its counters, over all loads. */
  readonly counters = new Counters();
  running: R | undefined;
  opening: Opening | undefined;
  stopping: Promise<void> | undefined;
  /** Whether the last load failed. */
  hasFailed = false;
  isAsleep = false;
  /** Whether it was removed from the server. */
  isRemoved = false;
  /** Whether it counts towards the limits. */
  isHeld = false;
  bytes = 0;
  nInFlight = 0;
  nWaiting = 0;
  /** Time of the last use, as a running count of uses. */
  lastUse = 0;
  timer: ReturnType<typeof setTimeout> | undefined;

  constructor(model: ServedModel) {
    this.model = model;
  }

  get status(): ModelStatus {
    if (this.running !== undefined) return 'loaded';
    if (this.opening !== undefined && !this.opening.isWaiting) return 'loading';
    return this.isAsleep ? 'sleeping' : 'unloaded';
  }
}

/** What happens to a model. */
export type StatusChange =
  /** `progress` is from 0 to 1, and missing when the model leaves the state without a process. */
  | { readonly status: 'loading'; readonly progress?: number }
  | { readonly status: 'loaded' }
  | { readonly status: 'sleeping' }
  | { readonly status: 'unloaded'; readonly exitCode: 0 | 1 };
