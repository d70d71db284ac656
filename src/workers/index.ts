/**
 * @file Workers: starting them, the link over which a worker and its owner call each other, and requests through shared memory.
 */
export type { ErrorClass } from './errors.ts';
export { type Handlers, linkToOwner, linkToWorker, Transferred, type WorkerLink } from './link.ts';
export { builtin, isNode, nodeProcess } from './runtime.ts';
export { canShareRequests, RequestReceiver, RequestSender, type SharedMemory } from './shared-requests.ts';
export { canStartWorkers, type WorkerModule } from './start.ts';
