/**
 * @file One forward as it is recorded: its batch, its steps, and which of them have to run for a value to be there.
 *
 * Memory of an intermediate is reused after its last reader. A tensor stays valid all the same: when an operation comes
 * later that reads one whose memory is gone, the steps that make it are recorded once more. Results are the same bits.
 */
import { checkBatch } from '../../tensor/batch.ts';
import type { Batch, StepNames } from '../../tensor/ops.ts';
import type { Places } from '../../tensor/places.ts';
import { GpuError } from './errors.ts';
import { GpuTensor, Slab, type Step } from './tensor.ts';

/** A tensor that the observer shall see. */
export interface Named {
  readonly name: string;
  readonly tensor: GpuTensor;
}

/** The record of one forward. */
export class Run {
  readonly batch: Batch;
  /** Keep every intermediate, for an observer. */
  readonly #keepAll: boolean;
  #pending: Step[] = [];
  #named: Named[] = [];
  #lists: number[];
  #dead: Slab[] = [];
  readonly #listAt = new Map<string, number>();

  /** @throws Error when the offsets do not cover the tokens */
  constructor(batch: Batch, keepAll: boolean) {
    checkBatch(batch);
    this.batch = batch;
    this.#keepAll = keepAll;
    this.#lists = [];
    this.list('ids', () => [...batch.ids]);
    this.list('positions', () => [...batch.positions]);
    this.list('offsets', () => [...batch.offsets]);
  }

  /** Number of tokens. */
  get nTokens(): number {
    return this.batch.ids.length;
  }

  /** Number of sequences. */
  get nSeq(): number {
    return this.batch.offsets.length - 1;
  }

  /** All work lists end to end, as the kernels see them (`batch`). */
  get lists(): readonly number[] {
    return this.#lists;
  }

  /** Where the list called `key` begins in `batch`; `make` is asked for it the first time. */
  list(key: string, make: () => readonly number[]): number {
    let at = this.#listAt.get(key);
    if (at === undefined) {
      at = this.#lists.length;
      this.#listAt.set(key, at);
      this.#lists = this.#lists.concat(make());
    }
    return at;
  }

  /** A new tensor of this forward. */
  tensor(rows: number, cols: number): GpuTensor {
    return new GpuTensor(new Slab(rows * cols), rows, cols);
  }

  /** Records a step and returns its result. */
  record(step: Step): GpuTensor {
    for (const input of inputs(step)) this.#revive(input);
    step.writes.slab.producer = step;
    this.#pending.push(step);
    return step.writes;
  }

  /** Remembers `tensor` under `name` for the observer. */
  name<S extends string>(options: StepNames<S> | undefined, name: string | undefined, tensor: GpuTensor): void {
    if (!this.#keepAll || name === undefined) return;
    this.#named.push({ name: options?.layer === undefined ? name : `${name}-${options.layer}`, tensor });
  }

  /** Takes the recorded steps and names; later ones form the next part of the forward. `wanted` is brought back if it is gone. */
  take(wanted: GpuTensor): { steps: readonly Step[]; named: readonly Named[] } {
    this.#revive(wanted.slab);
    const taken = { steps: this.#pending, named: this.#named };
    this.#pending = [];
    this.#named = [];
    return taken;
  }

  /**
   * Gives every slab that `steps` write a place, and takes places back that nobody reads any more. `wanted` keeps its
   * own. The offsets stay readable until `settle`.
   */
  place(steps: readonly Step[], wanted: Slab, arena: Places): void {
    const lastReader = new Map<Slab, Step>();
    for (const step of steps) for (const slab of inputs(step)) lastReader.set(slab, step);
    lastReader.delete(wanted);
    const dying = new Map<Step, Slab[]>();
    if (!this.#keepAll) {
      for (const [slab, step] of lastReader) dying.set(step, [...(dying.get(step) ?? []), slab]);
    }
    for (const step of steps) {
      const { slab } = step.writes;
      slab.offset ??= arena.take(slab.size);
      for (const dead of dying.get(step) ?? []) {
        arena.give(dead.offset!, dead.size);
        this.#dead.push(dead);
      }
    }
  }

  /** Marks the slabs whose places `place` took back as gone. */
  settle(): void {
    for (const slab of this.#dead) slab.offset = undefined;
    this.#dead = [];
  }

  /** Records the producers of `slab` again if its values are gone. */
  #revive(slab: Slab): void {
    const { producer } = slab;
    if (producer === undefined) throw new GpuError('this tensor does not belong to the running forward');
    if (slab.offset !== undefined || this.#pending.includes(producer)) return;
    for (const input of inputs(producer)) this.#revive(input);
    this.#pending.push(producer);
  }
}

/** The slabs that a step reads. */
function inputs({ reads }: Step): Slab[] {
  return Object.values(reads).flatMap((tensor) => (tensor === undefined ? [] : [tensor.slab]));
}
