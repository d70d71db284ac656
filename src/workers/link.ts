/**
 * @file The link between a worker and its owner: each side calls the other's methods, by requests that are answered and
 * by notices that are not. What a method throws arrives with its class.
 *
 * Nothing is lost while a worker starts. A worker listens before it says that it is ready, and what its owner sends
 * earlier waits until then: in Deno, a message that comes before the listener is gone.
 */
import { type ErrorClass, type PackedError, packError, unpackError } from './errors.ts';
import { listenToOwner, startWorker, type WorkerHandle, type WorkerModule, type WorkerOptions } from './start.ts';

/** The methods of one side: functions of one argument, of plain data. */
type Methods<T> = { readonly [Name in keyof T]: (params: never) => unknown };

type Params<Method> = Method extends (params: infer P) => unknown ? P : never;
type Result<Method> = Method extends (params: never) => infer R ? R : never;

/** A result whose buffers move to the other side instead of being copied. */
export class Transferred<T> {
  readonly value: T;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: T, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/** How one side carries its methods out. `signal` is aborted when the other side no longer waits for the result. */
export type Handlers<Local extends Methods<Local>> = {
  readonly [Name in keyof Local]: (
    params: Params<Local[Name]>,
    signal: AbortSignal,
  ) => Reply<Result<Local[Name]>> | Promise<Reply<Result<Local[Name]>>>;
};

type Reply<T> = T | Transferred<T>;

/** How a request is sent. */
export interface RequestOptions {
  /** Buffers in the parameters that move to the other side. */
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
type AnyHandler = (params: unknown, signal: AbortSignal) => unknown;

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** One end of a link, whose other end has the methods `Remote`. */
export class Link<Remote extends Methods<Remote>> {
  readonly #post: Post;
  readonly #handlers: Readonly<Record<string, AnyHandler>>;
  readonly #classes: readonly ErrorClass[];
  readonly #pending = new Map<number, Pending>();
  readonly #running = new Map<number, AbortController>();
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

  /** Resolves to what the other side's method returns. @throws what it throws, the signal's reason, or why the link ended */
  async request<Name extends keyof Remote & string>(
    method: Name,
    params: Params<Remote[Name]>,
    { transfer, signal }: RequestOptions = {},
  ): Promise<Result<Remote[Name]>> {
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed;
    const id = this.#nRequests++;
    const onAbort = () => {
      this.#post({ kind: 'abort', id });
      this.#settle(id)?.reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise<Result<Remote[Name]>>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#post({ kind: 'request', id, method, params }, transfer);
      });
    } finally {
      this.#pending.delete(id);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Calls the other side's method without waiting for it. */
  notify<Name extends keyof Remote & string>(
    method: Name,
    params: Params<Remote[Name]>,
    transfer?: readonly ArrayBuffer[],
  ): void {
    if (this.#closed === undefined) this.#post({ kind: 'notice', method, params }, transfer);
  }

  /** Rejects all requests, those to come as well. The first reason counts. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#closed);
    this.#pending.clear();
  }

  /** Takes a message of the other side. */
  receive(message: Exclude<Message, { kind: 'ready' }>): void {
    switch (message.kind) {
      case 'request':
        void this.#answer(message.id, message.method, message.params);
        break;
      case 'abort':
        this.#running.get(message.id)?.abort();
        break;
      case 'result':
        this.#settle(message.id)?.resolve(message.value as never);
        break;
      case 'error':
        this.#settle(message.id)?.reject(unpackError(message.error, this.#classes));
        break;
      case 'notice':
        this.#handlers[message.method](message.params, neverAborted);
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  async #answer(id: number, method: string, params: unknown): Promise<void> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      const reply = await this.#handlers[method](params, controller.signal);
      if (reply instanceof Transferred) this.#post({ kind: 'result', id, value: reply.value }, reply.buffers);
      else this.#post({ kind: 'result', id, value: reply });
    } catch (error) {
      this.#post({ kind: 'error', id, error: packError(error) });
    } finally {
      this.#running.delete(id);
    }
  }
}

const neverAborted = new AbortController().signal;

/** An owner's end of a link. */
export interface WorkerLink<Remote extends Methods<Remote>>
  extends Pick<Link<Remote>, 'request' | 'notify'>,
    Pick<WorkerHandle, 'keepAlive'> {
  /** Ends the worker; requests under way and later ones are rejected with `reason`. */
  terminate(reason: Error): Promise<void>;
}

/** Starts a worker, whose module calls `linkToOwner`, and links to it. */
export function linkToWorker<Local extends Methods<Local>, Remote extends Methods<Remote>>(
  module: WorkerModule,
  handlers: Handlers<Local>,
  {
    classes,
    died,
    ...options
  }: WorkerOptions & {
    /** Error classes that errors from the worker keep. */
    readonly classes: readonly ErrorClass[];
    /** The worker ended by itself; its requests are rejected with the same error afterwards. */
    readonly died: (error: Error) => void;
  },
): WorkerLink<Remote> {
  /** What waits for the worker; `undefined` once it listens. */
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
      link.close(reason);
      return handle.terminate();
    },
  };
}

/** Inside a worker: links to its owner. Called once, before anything is awaited that messages must not wait for. */
export function linkToOwner<Local extends Methods<Local>, Remote extends Methods<Remote>>(
  handlers: Handlers<Local>,
  classes: readonly ErrorClass[],
): Link<Remote> {
  const link = new Link<Remote>((message, transfer) => port.post(message, transfer), handlers, classes);
  const port = listenToOwner((message) => link.receive(message as Exclude<Message, { kind: 'ready' }>));
  port.post({ kind: 'ready' } satisfies Message);
  return link;
}
