/**
 * @file What differs between Node, Deno, Bun and browsers, in one place: how many CPUs there are, whether and how a
 * worker is started, and how both ends of it talk.
 */

/** The end of a worker that the starter holds. */
export interface WorkerHandle {
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Whether the worker keeps the process alive. Where a runtime cannot tell, it does. */
  keepAlive(yes: boolean): void;
  terminate(): Promise<void>;
}

/** What the starter of a worker wants to hear. */
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
}

/** The end of a worker that the worker itself holds. */
export interface ParentPort {
  post(message: unknown, transfer?: ArrayBuffer[]): void;
}

type NodeProcess = typeof import('node:process');
type WorkerThreads = typeof import('node:worker_threads');
type Os = typeof import('node:os');
type Url = typeof import('node:url');

const node = (globalThis as { process?: Partial<NodeProcess> }).process;

/** A module of Node, where the runtime has it (Node, Deno, Bun). */
function builtin<T>(name: 'node:worker_threads' | 'node:os' | 'node:url'): T | undefined {
  return node?.getBuiltinModule?.(name) as T | undefined;
}

/** CPUs that this process may use; 1 when the runtime does not say. */
export function cpuCount(): number {
  return builtin<Os>('node:os')?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** The path of a `file:` URL. */
export function filePath(url: URL): string {
  return builtin<Url>('node:url')?.fileURLToPath(url) ?? decodeURIComponent(url.pathname);
}

/** Whether memory can be shared between workers (browsers need the page to be cross-origin isolated). */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer === 'function' && globalThis.crossOriginIsolated !== false;
}

/**
 * Whether this package can start workers: not where there are none, and not from TypeScript sources under a Node
 * that cannot run those.
 */
export function canStartWorkers(): boolean {
  if (typeof Worker === 'function' && !isNode()) return true;
  if (builtin<WorkerThreads>('node:worker_threads') === undefined) return false;
  // A bundle in the form of CommonJS does not know where it lies.
  if (import.meta.url === undefined) return false;
  return (
    !import.meta.url.endsWith('.ts') || Boolean((node as { features?: { typescript?: unknown } }).features?.typescript)
  );
}

/** Whether there is a file system with Node's API: in Node, Deno and Bun. */
export function hasFiles(): boolean {
  return node?.versions?.node !== undefined;
}

/** Whether this is Node itself, not a runtime that takes after it. */
export function isNode(): boolean {
  return node?.versions?.node !== undefined && !('Deno' in globalThis) && !('Bun' in globalThis);
}

/** Starts a module as a worker. */
export function startWorker(module: WorkerModule, events: WorkerEvents): WorkerHandle {
  const once = onlyOnce(events.died);
  if (isNode()) return startNodeWorker(module.url(), { ...events, died: once });
  // Bun has both functions; browsers need none, and Deno has none.
  const worker: Worker & { ref?(): void; unref?(): void } = module.start();
  worker.onmessage = (event) => events.message(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    once(new Error(event.message || `the worker could not be started; ${bundlerAdvice}`));
  };
  worker.onmessageerror = () => once(new Error('a message of the worker could not be read'));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    keepAlive: (yes) => (yes ? worker.ref?.() : worker.unref?.()),
    terminate: async () => worker.terminate(),
  };
}

/** What to do where a bundler has left the module of the workers behind. */
const bundlerAdvice =
  'if this program is bundled, bundle gguf-embed/worker, too, and name it by the option workerUrl, or give worker: false';

function startNodeWorker(url: string | URL, events: WorkerEvents): WorkerHandle {
  const threads = builtin<WorkerThreads>('node:worker_threads');
  if (threads === undefined) throw new Error('this runtime has no worker threads');
  const worker = new threads.Worker(typeof url === 'string' && url.startsWith('file:') ? new URL(url) : url, {
    execArgv: execArgvOfWorker(),
    // A worker's objects are few and small; what it computes with is WebAssembly memory. Saves 3 MB a worker.
    resourceLimits: { maxYoungGenerationSizeMb: 1 },
  });
  worker.on('message', events.message);
  worker.on('messageerror', events.died);
  worker.on('error', (error: Error & { code?: string }) => {
    const isMissing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND';
    events.died(isMissing ? new Error(`${error.message}; ${bundlerAdvice}`, { cause: error }) : error);
  });
  worker.on('exit', (code) => events.died(new Error(`the worker ended with exit code ${code}`)));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    keepAlive: (yes) => (yes ? worker.ref() : worker.unref()),
    terminate: async () => void (await worker.terminate()),
  };
}

/**
 * A worker inherits the options of the process (`undefined`), unless one of them is for `node -e` and the worker, which is
 * started from a file, would refuse it.
 */
function execArgvOfWorker(): string[] | undefined {
  return node?.execArgv?.some((arg) => arg.startsWith('--input-type')) ? [] : undefined;
}

function onlyOnce<T>(call: (value: T) => void): (value: T) => void {
  let called = false;
  return (value) => {
    if (!called) call(value);
    called = true;
  };
}

/** Inside a worker: hears what the starter posts. */
export function listenToParent(listen: (message: unknown) => void): ParentPort {
  const port = isNode() ? builtin<WorkerThreads>('node:worker_threads')?.parentPort : undefined;
  if (port != null) {
    port.on('message', listen);
    return { post: (message, transfer = []) => port.postMessage(message, transfer) };
  }
  const scope = globalThis as unknown as Worker;
  scope.onmessage = (event) => listen(event.data);
  return { post: (message, transfer = []) => scope.postMessage(message, transfer) };
}
