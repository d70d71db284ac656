/**
 * @file The link between a worker and its owner. Each side calls methods of the other, by requests, which are answered, or
 * notices, which are not. An error of a method keeps its class.
 *
 * No message is lost while a worker starts. A worker listens before it reports that it is ready, and the owner queues
 * messages until then: Deno drops a message that arrives before there is a listener.
 */
import { type ErrorClass, type PackedError, packError, unpackError } from './errors.ts';
import { listenToOwner, startWorker, type WorkerHandle, type WorkerModule, type WorkerOptions } from './start.ts';

/** The methods of one side: functions with one argument of plain data. */
type Methods<T> = { readonly [Name in keyof T]: (params: never) => unknown };

type Params<Method> = Method extends (params: infer P) => unknown ? P : never;
type Result<Method> = Method extends (params: never) => infer R ? R : never;

/** A result whose buffers are transferred to the other side and not copied. */
export class Transferred<T> {
  readonly value: T;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: T, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/** The implementations of one side's methods. `signal()` is aborted when the other side no longer waits for the result. */
export type Handlers<Local extends Methods<Local>> = {
  readonly [Name in keyof Local]: (
    params: Params<Local[Name]>,
    signal: () => AbortSignal,
  ) => Reply<Result<Local[Name]>> | Promise<Reply<Result<Local[Name]>>>;
};

type Reply<T> = T | Transferred<T>;

/** Options of a request. */
export interface RequestOptions {
  /** Buffers in the parameters that are transferred to the other side. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Rejects the request with its reason at once, and aborts the handler. */
  readonly signal?: AbortSignal;
}

type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'request'; readonly id: number; readonly method: string; readonly params: unknown }
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PackedError }
  | { readonly kind: 'notice'; readonly method: string; readonly params: unknown };

type Post = (message: Message, transfer?: readonly ArrayBuffer[]) => void;
type AnyHandler = (params: unknown, signal: () => AbortSignal) => unknown;

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
  /** Stops listening to the request's signal. */
  readonly forget: () => void;
}

/** One end of a link, whose other end has the methods `Remote`. */
export class Link<Remote extends Methods<Remote>> {
  readonly #post: Post;
  readonly #handlers: Readonly<Record<string, AnyHandler>>;
  readonly #classes: readonly ErrorClass[];
  readonly #pending = new Map<number, Pending>();
  readonly #running = new Map<number, () => AbortController>();
  #nRequests = 0;
  #closed: Error | undefined;

  /**
   * Use `linkToWorker` or `linkToOwner`.
   * @param classes error classes that errors from the other side keep
   */
  constructor(post: Post, handlers: object, classes: readonly ErrorClass[]) {
    this.#post = post;
    this.#handlers = handlers as Record<string, AnyHandler>;
    this.#classes = classes;
  }

  /** Calls a method of the other side and resolves to its result. @throws its error, the signal's reason, or why the link ended */
  request<Name extends keyof Remote & string>(
    method: Name,
    params: Params<Remote[Name]>,
    { transfer, signal }: RequestOptions = {},
  ): Promise<Result<Remote[Name]>> {
    return new Promise<Result<Remote[Name]>>((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#closed !== undefined) throw this.#closed;
      const id = this.#nRequests++;
      const onAbort = () => {
        this.#post({ kind: 'abort', id });
        this.#settle(id)?.reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const forget = () => signal?.removeEventListener('abort', onAbort);
      this.#pending.set(id, { resolve, reject, forget });
      try {
        this.#post({ kind: 'request', id, method, params }, transfer);
      } catch (error) {
        this.#settle(id);
        throw error;
      }
    });
  }

  /** Calls a method of the other side without waiting for it. */
  notify<Name extends keyof Remote & string>(
    method: Name,
    params: Params<Remote[Name]>,
    transfer?: readonly ArrayBuffer[],
  ): void {
    if (this.#closed === undefined) this.#post({ kind: 'notice', method, params }, transfer);
  }

  /** Rejects all current and later requests. The first reason counts. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const id of this.#pending.keys()) this.#settle(id)?.reject(this.#closed);
  }

  /** Handles a message from the other side. */
  receive(message: Exclude<Message, { kind: 'ready' }>): void {
    switch (message.kind) {
      case 'request':
        void this.#answer(message.id, message.method, message.params);
        break;
      case 'abort':
        this.#running.get(message.id)?.().abort();
        break;
      case 'result':
        this.#settle(message.id)?.resolve(message.value as never);
        break;
      case 'error':
        this.#settle(message.id)?.reject(unpackError(message.error, this.#classes));
        break;
      case 'notice':
        this.#handlers[message.method](message.params, () => (neverAborted ??= new AbortController().signal));
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.forget();
    return pending;
  }

  async #answer(id: number, method: string, params: unknown): Promise<void> {
    // Most handlers need no signal, and a controller costs more than a message.
    let made: AbortController | undefined;
    const controller = () => (made ??= new AbortController());
    this.#running.set(id, controller);
    try {
      const reply = await this.#handlers[method](params, () => controller().signal);
      if (reply instanceof Transferred) this.#post({ kind: 'result', id, value: reply.value }, reply.buffers);
      else this.#post({ kind: 'result', id, value: reply });
    } catch (error) {
      this.#post({ kind: 'error', id, error: packError(error) });
    } finally {
      this.#running.delete(id);
    }
  }
}

let neverAborted: AbortSignal | undefined;

/** The owner's end of a link. */
export interface WorkerLink<Remote extends Methods<Remote>>
  extends Pick<Link<Remote>, 'request' | 'notify'>,
    Pick<WorkerHandle, 'keepAlive'> {
  /** Ends the worker; current and later requests are rejected with `reason`. */
  terminate(reason: Error): Promise<void>;
}

/** Starts a worker, whose module must call `linkToOwner`, and links to it. */
export function linkToWorker<Local extends Methods<Local>, Remote extends Methods<Remote>>(
  module: WorkerModule,
  handlers: Handlers<Local>,
  {
    classes,
    died,
    ...options
  }: WorkerOptions & {
    /** Error classes that are kept for errors from the worker. */
    readonly classes: readonly ErrorClass[];
    /** Called when the worker ended by itself; then its requests are rejected with the same error. */
    readonly died: (error: Error) => void;
  },
): WorkerLink<Remote> {
  /** Messages for the worker, which may be large; `undefined` once it listens or has ended. */
  let waiting: [Message, readonly ArrayBuffer[] | undefined][] | undefined = [];
  const post: Post = (message, transfer) => {
    if (waiting === undefined) handle.post(message, transfer);
    else waiting.push([message, transfer]);
  };
  const link = new Link<Remote>(post, handlers, classes);
  const handle = startWorker(
    module,
    {
      died(error) {
        waiting = undefined;
        died(error);
        link.close(error);
      },
      message(data) {
        const message = data as Message;
        if (message.kind !== 'ready') return link.receive(message);
        const queued = waiting ?? [];
        waiting = undefined;
        for (const [earlier, transfer] of queued) handle.post(earlier, transfer);
      },
    },
    options,
  );
  return {
    request: (method, params, options) => link.request(method, params, options),
    notify: (method, params, transfer) => link.notify(method, params, transfer),
    keepAlive: (yes) => handle.keepAlive(yes),
    terminate(reason) {
      waiting = undefined;
      link.close(reason);
      return handle.terminate();
    },
  };
}

/** Inside a worker: links to its owner. Call it once, before awaiting anything that messages must not wait for. */
export function linkToOwner<Local extends Methods<Local>, Remote extends Methods<Remote>>(
  handlers: Handlers<Local>,
  classes: readonly ErrorClass[],
): Link<Remote> {
  const link = new Link<Remote>((message, transfer) => port.post(message, transfer), handlers, classes);
  const port = listenToOwner((message) => link.receive(message as Exclude<Message, { kind: 'ready' }>));
  port.post({ kind: 'ready' } satisfies Message);
  return link;
}
