/**
 * @file How loading reports to the caller.
 */
import type { HubEvents, HubOptions } from '../../hub/options.ts';
import { isNode } from '../../workers/index.ts';
import type { LoadOptions } from '../types.ts';

/** The hub options of `load`, with its listeners for progress and warnings. */
export function hubOptions({ hub, signal, packing, onProgress, onWarning }: LoadOptions): HubOptions & HubEvents {
  return {
    ...hub,
    signal,
    onProgress: onProgress && ((done, total) => onProgress({ stage: 'download', done, total })),
    onMessage: onWarning && reported(onWarning),
    onRequest: packing && isNode() ? forbidDeopt : undefined,
  };
}

/** Wraps `listener` so that its errors are uncaught errors of the program: what it reports has already been handled. */
export function reported(listener: (message: string) => void): (message: string) => void {
  return (message) => {
    try {
      listener(message);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

/** Before the first request, since packing needs it afterwards. */
async function forbidDeopt(): Promise<void> {
  (await import('../../kernels/wasm/packing.node.ts')).forbidDeopt();
}
