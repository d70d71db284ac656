/**
 * @file The workers of a team, and calls to them: to one worker, or the same call to several that compute together.
 */
import { type Handlers, linkToWorker, type RequestSender, type WorkerLink } from '../../workers/index.ts';
import { type TeamOwnerMethods, type TeamWorkerMethods, teamErrorClasses } from './team-methods.ts';
import { workerModule } from './worker-url.ts';

type Member = WorkerLink<TeamWorkerMethods>;

/** Workers with a rank each. They keep the process alive only while a call waits for an answer. */
export class TeamMembers {
  /** Sends batches, if they go through shared memory. */
  requests: RequestSender | undefined;
  readonly #members: readonly Member[];
  readonly #onEnd: (reason: Error) => void;
  /** Number of calls that wait for an answer. */
  #nCalls = 0;
  #ended: Error | undefined;

  /**
   * Starts `size` workers.
   * @param workerUrl URL of the workers' module, if it is not the one in the package
   * @param handlersOf what the worker of a rank may call
   * @param onEnd called before the workers end, because one has died or `end` was called
   * @throws the error of a worker for which the system has no thread, or which it does not allow; none runs then
   */
  constructor(
    size: number,
    workerUrl: string | URL | undefined,
    handlersOf: (rank: number) => Handlers<TeamOwnerMethods>,
    onEnd: (reason: Error) => void,
  ) {
    this.#onEnd = onEnd;
    const members: Member[] = [];
    this.#members = members;
    try {
      for (let rank = 0; rank < size; rank++) members.push(this.#start(workerUrl, handlersOf(rank), rank));
    } catch (error) {
      void this.end(error as Error);
      throw error;
    }
  }

  #start(workerUrl: string | URL | undefined, handlers: Handlers<TeamOwnerMethods>, rank: number): Member {
    const link = linkToWorker<TeamOwnerMethods, TeamWorkerMethods>(workerModule(workerUrl), handlers, {
      classes: teamErrorClasses,
      fewObjects: true,
      died: (error) => this.#died(rank, error),
    });
    return {
      ...link,
      request: (method, params, options) => {
        this.requests?.interrupt(rank);
        return link.request(method, params, options);
      },
    };
  }

  get size(): number {
    return this.#members.length;
  }

  /** Why the workers can no longer be called: one has died, or `end` was called. */
  get ended(): Error | undefined {
    return this.#ended;
  }

  /** @throws the reason, if the workers have ended */
  assertAlive(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** What all workers answer to `ask`. */
  all<T>(ask: (member: Member, rank: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#members.map(ask));
  }

  /** What the worker of that rank answers to `ask`. */
  one<T>(rank: number, ask: (member: Member) => Promise<T>): Promise<T> {
    return this.#keptAlive(() => ask(this.#members[rank]));
  }

  /** What rank 0 answers to `ask`, when the first `team` workers do the same. */
  together<T>(team: number, ask: (member: Member) => Promise<T | undefined>): Promise<T> {
    let firstError: unknown;
    const answers = this.#members.slice(0, team).map((member) =>
      ask(member).catch((error) => {
        firstError ??= error;
      }),
    );
    return this.#keptAlive(async () => {
      // Rank 0 has the values, and the other ranks have finished with the memory.
      const values = await answers[0];
      if (values !== undefined) return values as T;
      // If one fails, all fail, and the memory is free when the last has answered.
      await Promise.all(answers);
      throw firstError;
    });
  }

  /**
   * What the first `team` workers compute of the request that is written in shared memory.
   * @returns `undefined` if the workers keep what they have computed
   */
  sendShared(sender: RequestSender, team: number): Promise<Float32Array | undefined> {
    return this.#keptAlive(() => {
      sender.send(team, (rank) => this.#members[rank].notify('look', undefined));
      return sender.receive(0);
    });
  }

  /** Keeps the process alive while a call waits for an answer. */
  async #keptAlive<T>(call: () => Promise<T>): Promise<T> {
    if (this.#nCalls++ === 0) this.keepAlive(true);
    try {
      return await call();
    } finally {
      if (--this.#nCalls === 0) this.keepAlive(false);
    }
  }

  /** Whether the workers keep the process alive while nothing is asked of them. Without this call, they do. */
  keepAlive(yes: boolean): void {
    for (const member of this.#members) member.keepAlive(yes);
  }

  #died(rank: number, error: Error): void {
    const of = this.size > 1 ? ` ${rank + 1} of ${this.size}` : '';
    const message = `compute worker${of} ended unexpectedly (${error.message}): load the model again`;
    void this.end(new Error(message, { cause: error }));
  }

  /** Ends the workers. The first reason counts; a second call does nothing. */
  async end(reason: Error): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.requests?.close(reason);
    this.#onEnd(reason);
    await Promise.all(this.#members.map((member) => member.terminate(reason)));
  }
}
