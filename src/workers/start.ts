/**
 * @file Starts a module as a worker in Node, Deno, Bun and browsers, and gives a worker access to its owner. Messages are
 * plain; `link.ts` builds requests on them.
 */
import { builtin, isNode, nodeProcess } from './runtime.ts';

/** The owner's handle of a worker. */
export interface WorkerHandle {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** Sets whether the worker keeps the process alive. If a runtime does not support this, it always does. */
  keepAlive(yes: boolean): void;
  terminate(): Promise<void>;
}

/** The events of a worker. */
export interface WorkerEvents {
  message(message: unknown): void;
  /** The worker failed outside of a message handler, or ended by itself. Called once. */
  died(error: Error): void;
}

/** A module that workers run. */
export interface WorkerModule {
  /** Its URL or path, for `worker_threads` of Node. */
  url(): string | URL;
  /** Starts it with the global `Worker`. */
  start(): Worker;
  /** What to do if it cannot be found, for the error message. */
  readonly advice?: string;
}

/** Options for starting a worker. */
export interface WorkerOptions {
  /**
   * Whether the worker has few and small JavaScript objects, like one that computes in WebAssembly memory. Saves 3 MB for
   * each worker, but slows down a worker that creates many objects. Default: false.
   */
  readonly fewObjects?: boolean;
}

/** The worker's handle of its owner. */
export interface OwnerPort {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

/**
 * Whether this package can start workers. It cannot if the runtime has none, or from TypeScript sources on a Node
 * that cannot run these.
 */
export function canStartWorkers(): boolean {
  if (typeof Worker === 'function' && !isNode()) return true;
  if (builtin('node:worker_threads') === undefined) return false;
  // A CommonJS bundle does not know its own URL.
  if (import.meta.url === undefined) return false;
  const { typescript } = (nodeProcess as { features?: { typescript?: unknown } }).features ?? {};
  return !import.meta.url.endsWith('.ts') || Boolean(typescript);
}

/**
 * Starts a module as a worker.
 * @throws Error where the system has no thread for it, or the process may not start one
 */
export function startWorker(module: WorkerModule, events: WorkerEvents, options: WorkerOptions = {}): WorkerHandle {
  const died = onlyOnce(events.died);
  if (isNode()) return startNodeWorker(module, { ...events, died }, options);
  // Bun has both functions; browsers do not need them, and Deno has none.
  const worker: Worker & { ref?(): void; unref?(): void } = module.start();
  worker.onmessage = (event) => events.message(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    died(new Error(event.message || `cannot start the worker${advice(module)}`));
  };
  worker.onmessageerror = () => died(new Error('cannot read a message from the worker'));
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
  const settings = {
    execArgv: execArgvOfWorker(),
    ...(fewObjects ? { resourceLimits: { maxYoungGenerationSizeMb: 1 } } : {}),
  };
  const cache = compileCache();
  const isFile = typeof url !== 'string' || url.startsWith('file:');
  const worker = started(() =>
    cache !== undefined && isFile
      ? new threads.Worker(cachedModule, { ...settings, eval: true, workerData: { cache, url: String(url) } })
      : new threads.Worker(isFile ? new URL(url) : url, settings),
  );
  worker.on('message', events.message);
  worker.on('messageerror', events.died);
  worker.on('error', (error: Error & { code?: string }) => {
    const isMissing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND';
    // A copy of a module may not even be one where it is.
    events.died(
      isMissing || error instanceof SyntaxError
        ? new Error(`${error.message}${advice(module)}`, { cause: error })
        : error,
    );
  });
  expectListeners(1);
  worker.on('exit', (code) => {
    expectListeners(-1);
    events.died(new Error(`the worker ended with exit code ${code}`));
  });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    keepAlive: (yes) => (yes ? worker.ref() : worker.unref()),
    terminate: async () => void (await worker.terminate()),
  };
}

/** Workers do not inherit the compile cache of their process: this script turns it on before it loads their module. */
const cachedModule = `const { cache, url } = require('node:worker_threads').workerData;
require('node:module').enableCompileCache(cache);
import(url);`;

/** The folder of Node's compile cache, if the program uses it. Node makes a folder for its version in it. */
function compileCache(): string | undefined {
  const module = builtin('node:module') as { getCompileCacheDir?: () => string | undefined } | undefined;
  const folder = module?.getCompileCacheDir?.();
  return folder && builtin('node:path')?.dirname(folder);
}

/** Node adds listeners to the process's output for what each worker prints. They are no leak: later listeners must not make Node warn of one. */
function expectListeners(more: number): void {
  for (const stream of [nodeProcess?.stdout, nodeProcess?.stderr]) {
    const most = stream?.getMaxListeners() ?? 0;
    // 0 is no limit.
    if (most > 0) stream?.setMaxListeners(Math.max(1, most + more));
  }
}

/** What `start` returns. Node's error of a system without a free thread names neither the limit nor a way out. */
function started<T>(start: () => T): T {
  try {
    return start();
  } catch (cause) {
    const { code, message } = cause as Error & { code?: string };
    if (code !== 'ERR_WORKER_INIT_FAILED') throw cause;
    const remedy =
      'raise the limit of processes of the user or container, ask for fewer threads, or compute without workers';
    throw new Error(`the system has no thread for a worker (${message}): ${remedy}`, { cause });
  }
}

function advice({ advice: text }: WorkerModule): string {
  return text === undefined ? '' : `; ${text}`;
}

/**
 * A worker inherits the options of the process (`undefined`), unless one of them is for `node -e`, which a worker
 * that starts from a file refuses.
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

/** Inside a worker: calls `listen` with the messages of the owner. */
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
