/**
 * @file The worker that computes with the vectors of all texts.
 */
import { WorkerCalls } from '../calls.ts';
import { startWorker } from '../start-worker.ts';
import type { LayoutMethods } from './layout-worker.ts';

/** Its methods are those of `layout-worker.ts`. */
export const layout = new WorkerCalls<LayoutMethods>(startWorker(new URL('./layout-worker.ts', import.meta.url)));
