/**
 * @file Chooses the model of a request.
 */
import { HttpError } from '../errors.ts';
import type { ModelPool } from './model-pool.ts';
import type { PoolEntry, Running } from './pool-entry.ts';
import type { ModelKind } from './served-model.ts';

/** Routes that only one kind of model can answer. */
const kinds: readonly (readonly [path: RegExp, kind: ModelKind])[] = [
  [/^\/(v1\/rerank|v1\/reranking|v2\/rerank|rerank|reranking)$/, 'rank'],
  [/^\/(v1\/embeddings|embeddings|embedding|embed|api\/embed)$/, 'embedding'],
];

/** Finds models by name. */
export class ModelChooser<R extends Running> {
  readonly #pool: ModelPool<R>;
  readonly #byName = new Map<string, PoolEntry<R>>();

  /** @throws Error if two models have the same name */
  constructor(pool: ModelPool<R>) {
    this.#pool = pool;
    for (const entry of pool.entries) {
      const { id } = entry.model;
      if (this.#byName.has(id)) throw new Error(`two models have the name '${id}'`);
      this.#byName.set(id, entry);
    }
    for (const entry of pool.entries) {
      for (const alias of new Set(entry.model.aliases)) {
        const other = this.#byName.get(alias);
        if (other === entry) continue;
        if (other !== undefined) {
          throw new Error(`model name '${alias}' conflicts with alias of model '${entry.model.id}'`);
        }
        this.#byName.set(alias, entry);
      }
    }
  }

  /** Makes a model choosable by its name, and by its aliases as far as no other model has them. */
  add(entry: PoolEntry<R>): void {
    for (const name of [entry.model.id, ...entry.model.aliases]) {
      if (!this.#byName.has(name)) this.#byName.set(name, entry);
    }
  }

  /** Makes a model unknown. */
  remove(entry: PoolEntry<R>): void {
    for (const [name, other] of this.#byName) if (other === entry) this.#byName.delete(name);
  }

  /** The model with this name. */
  find(name: unknown): PoolEntry<R> | undefined {
    return typeof name === 'string' ? this.#byName.get(name) : undefined;
  }

  /**
   * The model of a request. Without a name, the only model that can answer on this path.
   * @param path of the route, without prefix
   * @throws HttpError if no model has the name, or if there is no name and not exactly one model can answer
   */
  async choose(name: unknown, path: string): Promise<PoolEntry<R>> {
    if (typeof name === 'string' && name !== '') {
      const entry = this.#byName.get(name);
      if (entry !== undefined) return entry;
      throw new HttpError('invalid_request_error', `model '${name}' not found: this server has ${this.#list()}`);
    }
    const fitting = await this.#fitting(path);
    if (fitting.length === 1) return fitting[0];
    throw new HttpError(
      'invalid_request_error',
      `model name is missing from the request: this server has ${this.#list()}`,
    );
  }

  async #fitting(path: string): Promise<readonly PoolEntry<R>[]> {
    const wanted = kinds.find(([pattern]) => pattern.test(path))?.[1];
    if (wanted === undefined) return this.#pool.entries;
    const { entries } = this.#pool;
    const has = await Promise.all(entries.map(async ({ model }) => (await model.kind()) === wanted));
    return entries.filter((_, i) => has[i]);
  }

  #list(): string {
    return this.#pool.entries.map(({ model }) => model.id).join(', ') || 'none';
  }
}
