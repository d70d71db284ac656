/**
 * @file Starts a module as a worker in Node, Deno, Bun and browsers, and finds the owner from inside a worker. Messages are
 * plain; `link.ts` makes requests of them.
 */
import { builtin, isNode, nodeProcess } from './runtime.ts';

/** The end of a worker that its owner holds. */
export interface WorkerHandle {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** Whether the worker keeps the process alive. Where a runtime cannot tell, it does. */
  keepAlive(yes: boolean): void;
  terminate(): Promise<void>;
}

/** What the owner of a worker learns of it. */
export interface WorkerEvents {
  message(message: unknown): void;
  /** It failed outside of any message handler, or ended by itself. Called once. */
  died(error: Error): void;
}

/** A module that workers run. */
export interface WorkerModule {
  /** Where it lies, for `worker_threads` of Node. */
  url(): string | URL;
  /** Starts it where there is a global `Worker`. */
  start(): Worker;
  /** What to do when it cannot be found, for the error. */
  readonly advice?: string;
}

/** How a worker is started. */
export interface WorkerOptions {
  /**
   * Whether its JavaScript objects are few and small, as those of a worker that computes in WebAssembly memory. Saves 3 MB a
   * worker; slows down one that makes many objects. Default: false.
   */
  readonly fewObjects?: boolean;
}

/** The end of a worker that the worker itself holds. */
export interface OwnerPort {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

/**
 * Whether this package can start workers: not where there are none, and not from TypeScript sources under a Node
 * that cannot run those.
 */
export function canStartWorkers(): boolean {
  if (typeof Worker === 'function' && !isNode()) return true;
  if (builtin('node:worker_threads') === undefined) return false;
  // A bundle in the form of CommonJS does not know where it lies.
  if (import.meta.url === undefined) return false;
  const { typescript } = (nodeProcess as { features?: { typescript?: unknown } }).features ?? {};
  return !import.meta.url.endsWith('.ts') || Boolean(typescript);
}

/** Starts a module as a worker. */
export function startWorker(module: WorkerModule, events: WorkerEvents, options: WorkerOptions = {}): WorkerHandle {
  const died = onlyOnce(events.died);
  if (isNode()) return startNodeWorker(module, { ...events, died }, options);
  // Bun has both functions; browsers need none, and Deno has none.
  const worker: Worker & { ref?(): void; unref?(): void } = module.start();
  worker.onmessage = (event) => events.message(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    died(new Error(event.message || `the worker could not be started${advice(module)}`));
  };
  worker.onmessageerror = () => died(new Error('a message of the worker could not be read'));
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    keepAlive: (yes) => (yes ? worker.ref?.() : worker.unref?.()),
    terminate: async () => worker.terminate(),
  };
}

function startNodeWorker(
  module: WorkerModule,
  events: WorkerEvents,
  { fewObjects = false }: WorkerOptions,
): WorkerHandle {
  const threads = builtin('node:worker_threads');
  if (threads === undefined) throw new Error('this runtime has no worker threads');
  const url = module.url();
  const worker = new threads.Worker(typeof url === 'string' && url.startsWith('file:') ? new URL(url) : url, {
    execArgv: execArgvOfWorker(),
    ...(fewObjects ? { resourceLimits: { maxYoungGenerationSizeMb: 1 } } : {}),
  });
  worker.on('message', events.message);
  worker.on('messageerror', events.died);
  worker.on('error', (error: Error & { code?: string }) => {
    const isMissing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND';
    events.died(isMissing ? new Error(`${error.message}${advice(module)}`, { cause: error }) : error);
  });
  worker.on('exit', (code) => events.died(new Error(`the worker ended with exit code ${code}`)));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    keepAlive: (yes) => (yes ? worker.ref() : worker.unref()),
    terminate: async () => void (await worker.terminate()),
  };
}

function advice({ advice: text }: WorkerModule): string {
  return text === undefined ? '' : `; ${text}`;
}

/**
 * A worker inherits the options of the process (`undefined`), unless one of them is for `node -e` and the worker, which is
 * started from a file, would refuse it.
 */
function execArgvOfWorker(): string[] | undefined {
  return nodeProcess?.execArgv?.some((arg) => arg.startsWith('--input-type')) ? [] : undefined;
}

function onlyOnce<T>(call: (value: T) => void): (value: T) => void {
  let called = false;
  return (value) => {
    if (!called) call(value);
    called = true;
  };
}

/** Inside a worker: calls `listen` with what the owner posts. */
export function listenToOwner(listen: (message: unknown) => void): OwnerPort {
  const port = isNode() ? builtin('node:worker_threads')?.parentPort : undefined;
  if (port != null) {
    port.on('message', listen);
    return { post: (message, transfer = []) => port.postMessage(message, transfer) };
  }
  const scope = globalThis as unknown as Worker;
  scope.onmessage = (event) => listen(event.data);
  return { post: (message, transfer = []) => scope.postMessage(message, [...transfer]) };
}
