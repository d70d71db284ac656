/**
 * @file Workers: starting them, and the link over which a worker and its owner call each other.
 */
export type { ErrorClass } from './errors.ts';
export { linkToOwner, linkToWorker, Transferred, type WorkerLink } from './link.ts';
export { builtin, isNode, nodeProcess } from './runtime.ts';
export { canStartWorkers, type WorkerModule } from './start.ts';
