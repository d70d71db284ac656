/**
 * @file What one rank of a team does in a forward: it carries out the steps for its part of the batch, waits for the others where they depend on
 * each other, and collects the result.
 */
import type { Batch } from '../../tensor/batch.ts';
import type { Observer } from '../../tensor/ops.ts';
import type { Turn } from '../../turn.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import type { Kernels } from './kernels.ts';
import { macsPerRow, runStep } from './lower.ts';
import { KernelMemory } from './memory.ts';
import { OutsideMemory } from './outside-memory.ts';
import { Pieces } from './pieces.ts';
import type { Plan, PlanDivision } from './plan.ts';
import type { Profile } from './profile.ts';
import { Runtime, rowsOf } from './runtime.ts';
import type { WasmSetup } from './setup.ts';
import type { LastSizes } from './sizes.ts';
import { Speeds } from './speeds.ts';
import { splitsByColumns } from './split.ts';
import { countStrips } from './strips.ts';
import { Barrier, costOf } from './team.ts';
import { readThresholds } from './thresholds.ts';

/** A plan, and the number of tokens of a sequence in which a token costs twice as much as alone. */
export interface BalancedPlan extends Plan {
  readonly doubling: number;
  readonly lastSizes: LastSizes;
}

/** Work that pauses where it yields, if its rank has a turn and that is over. */
export type Pausing<T> = Generator<void, T>;

/** One strip: all rows. */
const whole = [undefined];

/** One rank of a team, or the only one. */
export class Rank {
  readonly index: number;
  /** `undefined` in a team of one. */
  readonly barrier: Barrier | undefined;
  profile: Profile | undefined;
  readonly #kernels: Kernels;
  readonly #setup: WasmSetup;
  readonly #exact: boolean;
  readonly #turn: Turn | undefined;
  readonly #pieces: Pieces | undefined;
  readonly #speeds: Speeds | undefined;
  #memory: KernelMemory | undefined;
  #outside: OutsideMemory | undefined;
  #nRanks: number;
  #isAlone = false;

  /**
   * @param exact attention stays in float32
   * @param turn how long the only rank of a team keeps its thread; in a larger one, and without it, nothing pauses
   */
  constructor(kernels: Kernels, setup: WasmSetup, index: number, exact: boolean, turn: Turn | undefined) {
    const { memory, nThreads, outside } = setup;
    this.#kernels = kernels;
    this.#setup = setup;
    this.index = index;
    this.#exact = exact;
    this.#turn = turn;
    this.#memory = new KernelMemory(memory);
    this.#outside = outside && new OutsideMemory(outside);
    this.#nRanks = nThreads;
    if (nThreads === 1) return;
    this.barrier = new Barrier(memory);
    this.#pieces = new Pieces(memory, index);
    this.#speeds = new Speeds(memory, index);
  }

  /** How long this rank keeps its thread: for ever, if it is `undefined`. */
  get turn(): Turn | undefined {
    return this.#nRanks === 1 ? this.#turn : undefined;
  }

  /** The memory. @throws Error after `dispose` */
  alive(): KernelMemory {
    if (this.#memory === undefined) throw new Error('this backend has been disposed');
    return this.#memory;
  }

  get outside(): OutsideMemory | undefined {
    return this.#outside;
  }

  dispose(): void {
    this.#memory = undefined;
    this.#outside = undefined;
  }

  setTeam(n: number): void {
    if (!Number.isInteger(n) || n < 1 || n > this.#setup.nThreads || this.index >= n) {
      throw new RangeError(`rank ${this.index} of ${this.#setup.nThreads} cannot be in a team of ${n}`);
    }
    this.#nRanks = n;
    this.#isAlone = false;
  }

  setAlone(): void {
    if (this.#setup.keepBlocks) throw new Error('workers that keep weights in blocks have no forwards of their own');
    this.#nRanks = 1;
    this.#isAlone = true;
  }

  divisionOf({ ids }: Batch): PlanDivision {
    const { memory, keepBlocks } = this.#setup;
    if (this.#nRanks === 1) return 'alone';
    return splitsByColumns(ids.length, this.#nRanks, keepBlocks, readThresholds(memory)) ? 'columns' : 'rows';
  }

  /** Weights that stay in blocks are unpacked at each use: there, strips would take time. */
  stripsFor({ ids }: Batch): number {
    return this.#setup.keepBlocks ? 1 : countStrips(Math.ceil(ids.length / this.#nRanks));
  }

  /** What all of the first `nRanks` ranks do; if one fails, all fail. */
  together<T>(nRanks: number, run: () => T): T {
    try {
      return run();
    } catch (error) {
      this.barrier!.leave(nRanks);
      throw error;
    }
  }

  /** The values of `target` after `run`, on rank 0; the others have none. */
  collect(target: GraphTensor, run: () => Runtime): Float32Array {
    const nRanks = this.#nRanks;
    if (nRanks === 1) return this.#values(run(), target);
    return this.together(nRanks, () => {
      const runtime = run();
      this.barrier!.wait(nRanks);
      const values = this.index === 0 ? this.#values(runtime, target) : new Float32Array();
      if (this.index === 0) this.#speeds!.update(nRanks);
      this.barrier!.wait(nRanks);
      return values;
    });
  }

  /** Carries out a plan for a batch. */
  *carryOut(plan: BalancedPlan, target: GraphTensor, batch: Batch): Pausing<Runtime> {
    const { todo, barriers, strips, doubling, lastSizes } = plan;
    const [nRanks, isAlone, exact] = [this.#nRanks, this.#isAlone, this.#exact];
    const division = this.divisionOf(batch);
    const byColumns = division === 'columns';
    const speeds = division === 'rows' ? this.#speeds : undefined;
    const parts = speeds?.shares(nRanks) ?? new Array<number>(nRanks).fill(1);
    const sizes = lastSizes.of(batch, { kernels: this.#kernels, todo, strips, doubling, parts, byColumns, exact });
    let waited = 0;
    const barrier = () => {
      const start = speeds === undefined ? 0 : performance.now();
      this.barrier!.wait(nRanks);
      if (speeds !== undefined) waited += performance.now() - start;
    };
    const pieces = byColumns ? this.#pieces : undefined;
    if (pieces !== undefined) {
      pieces.reset();
      barrier();
    }
    const memory = this.alive();
    const ownMemory = isAlone
      ? (bytes: number) => memory.own(bytes, batch.ids.length, this.index, this.#setup.nThreads)
      : undefined;
    const rt = new Runtime(
      this.#kernels,
      memory,
      this.#outside,
      batch,
      isAlone ? 0 : this.index,
      { shares: sizes.shares, pieces, ownMemory, barrier },
      this.#setup.packed,
      plan,
      { ...sizes, results: rowsOf(target, batch) * target.cols * 4 },
      exact,
    );
    const begin = speeds === undefined ? 0 : performance.now();
    for (let i = 0; i < todo.length; ) {
      if (barriers[i] && sizes.isDivided) barrier();
      const end = strips.runs.get(i) ?? i + 1;
      for (const _ of end === i + 1 ? whole : rt.strips()) {
        for (let j = i; j < end; j++) {
          if (this.turn?.isOver) yield;
          const step = todo[j];
          const start = this.profile === undefined ? 0 : performance.now();
          let away = 0;
          for (const _ of runStep(rt, step, this.turn !== undefined)) {
            if (!this.turn?.isOver) continue;
            const left = performance.now();
            yield;
            away += performance.now() - left;
          }
          this.profile?.add(step.op, performance.now() - start - away, macsPerRow(step, batch) * rt.rows(step.out));
        }
      }
      i = end;
    }
    speeds?.note(costOf(rt.share, batch.offsets, doubling), performance.now() - begin - waited);
    return rt;
  }

  /** Shows named tensors to the observer; all ranks take part. */
  *show(
    named: Iterable<{ readonly name: string; readonly tensor: GraphTensor }>,
    rt: Runtime,
    observer: Observer | undefined,
  ): Pausing<void> {
    if (this.#isAlone) throw new Error('a worker that computes alone shows no steps');
    if (this.#nRanks > 1) this.barrier!.wait(this.#nRanks);
    if (this.index === 0) {
      for (const { name, tensor } of named) {
        if (this.turn?.isOver) yield;
        this.alive().ensure(rt.end + rt.allRows(tensor) * tensor.cols * 4);
        observer?.(name, this.#values(rt, tensor), tensor.rows, tensor.cols);
      }
    }
    if (this.#nRanks > 1) this.barrier!.wait(this.#nRanks);
  }

  /** Collects the rows of all ranks contiguously after the slabs and copies them out at once. */
  #values(rt: Runtime, x: GraphTensor): Float32Array {
    let to = rt.end;
    for (let rank = 0; rank < rt.shares.length; rank++) {
      const rows = rt.rows(x, rank);
      this.#kernels.copyRows({ x: rt.address(x, rank), ldx: rt.stride(x), y: to, ldy: x.cols * 4, rows, cols: x.cols });
      to += rows * x.cols * 4;
    }
    return this.alive().f32.slice(rt.end / 4, to / 4);
  }
}
