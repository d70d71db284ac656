/**
 * @file The backend of one worker: executes what the operations have recorded.
 */
import type { Backend, Precision, WeightPart, WeightRole, WeightSource } from '../../tensor/backend.ts';
import type { Batch } from '../../tensor/batch.ts';
import { checkBatch, checkTableRows } from '../../tensor/batch-rows.ts';
import type { Observer, Ops, Tensor, Weight } from '../../tensor/ops.ts';
import { Recorder } from '../graph/record.ts';
import type { Recording } from '../graph/recording.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { tokensThatDoubleCost } from './balance.ts';
import { chooseProducts, type ProductChoice } from './choose-products.ts';
import { measureMachine, sizeOf } from './costs.ts';
import { instantiateKernels, type Kernels } from './kernels.ts';
import { macsPerRow, runStep } from './lower.ts';
import { KernelMemory } from './memory.ts';
import { OutsideMemory } from './outside-memory.ts';
import { Pieces } from './pieces.ts';
import { type Plan, type PlanDivision, plan } from './plan.ts';
import type { Profile } from './profile.ts';
import { Runtime, rowsOf } from './runtime.ts';
import { describeSetup, prepareWasm, type WasmSetup } from './setup.ts';
import { LastSizes } from './sizes.ts';
import { Speeds } from './speeds.ts';
import { splitsByColumns } from './split.ts';
import type { WasmStep } from './steps.ts';
import { countStrips } from './strips.ts';
import { Barrier, costOf } from './team.ts';
import { type MachineCosts, type ModelSize, readThresholds } from './thresholds.ts';
import { fillWeight, WasmWeight } from './weights.ts';

/** Options of `createWasmBackend`. */
export interface WasmOptions {
  /** Default `high`. */
  readonly precision?: Precision;
  /** The result of `prepareWasm`; default: one thread, nothing shared. */
  readonly setup?: WasmSetup;
  /** The index of this worker in the team; default 0. */
  readonly rank?: number;
}

/** The wasm backend. */
export interface WasmBackend extends Backend {
  /** Sets the number of workers that take part in forwards from now on: ranks 0 … n−1. */
  setTeam(n: number): void;
  /**
   * This worker computes the next forwards by itself, while others may do the same with other batches; until `setTeam`. Each has memory of
   * its own for that.
   */
  setAlone(): void;
  /** Collects time and work of each operation of this rank while it is set. */
  profile: Profile | undefined;
  /**
   * Measures what this machine costs, unless that is `known`, and says what the model needs. All workers of the team call it, while no forward
   * is under way; the numbers of rank 0 count. `undefined` in a team of one, and where weights stay in blocks.
   */
  measure(known?: MachineCosts): { readonly machine: MachineCosts; readonly model: ModelSize } | undefined;
  /** Bytes of WebAssembly memory in use. */
  readonly memoryBytes: number;
  /** Whether forwards read from the files of the weights (`WeightSource.onDemand`). */
  readonly readsOnDemand: boolean;
}

/** Makes the backend of one worker (or the only one). */
export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const { precision = 'high', rank = 0 } = options;
  const setup = options.setup ?? (await prepareWasm());
  if (!Number.isInteger(rank) || rank < 0 || rank >= setup.nThreads) {
    throw new RangeError(`rank ${rank} does not exist in a team of ${setup.nThreads}`);
  }
  const kernels = await instantiateKernels(setup.module, setup.memory);
  return new WasmForwards(kernels, setup, rank, await chooseProducts(precision, setup));
}

class WasmForwards implements WasmBackend {
  readonly name = 'wasm';
  readonly description: string;
  readonly ops: Ops;
  profile: Profile | undefined;
  readsOnDemand = false;
  readonly #kernels: Kernels;
  readonly #setup: WasmSetup;
  readonly #rank: number;
  readonly #products: ProductChoice;
  #memory: KernelMemory | undefined;
  #outside: OutsideMemory | undefined;
  readonly #barrier: Barrier | undefined;
  readonly #pieces: Pieces | undefined;
  readonly #speeds: Speeds | undefined;
  #nRanks: number;
  #isAlone = false;
  readonly #matrices: WasmWeight[] = [];
  readonly #recorder: Recorder<WasmWeight>;
  #observer: Observer | undefined;
  #filling: Promise<void> = Promise.resolve();
  /** The largest staging memory that filling a weight has needed so far; each rank has its own. */
  #stagingBytes = 0;
  /** Plans of forwards, by what they do and how ranks divide them. They hold for every plain batch. */
  readonly #plans = new Map<string, KeptPlan>();
  /** The forward whose results are still in memory. */
  #done: { target: GraphTensor; runtime: Runtime } | undefined;

  constructor(kernels: Kernels, setup: WasmSetup, rank: number, products: ProductChoice) {
    this.#kernels = kernels;
    this.#setup = setup;
    this.#rank = rank;
    this.#products = products;
    this.#memory = new KernelMemory(setup.memory);
    this.#outside = setup.outside && new OutsideMemory(setup.outside);
    this.#nRanks = setup.nThreads;
    this.#barrier = setup.nThreads > 1 ? new Barrier(setup.memory) : undefined;
    this.#pieces = setup.nThreads > 1 ? new Pieces(setup.memory, rank) : undefined;
    this.#speeds = setup.nThreads > 1 ? new Speeds(setup.memory, rank) : undefined;
    this.description = `${describeSetup(setup)}${products.note}`;
    this.#recorder = new Recorder({
      own,
      begin: () => {
        this.#alive();
        this.#done = undefined;
        return this.#observer !== undefined;
      },
      read: (recording, target) => this.#read(recording, target),
    });
    this.ops = this.#recorder.ops;
  }

  get memoryBytes(): number {
    return this.#setup.memory.buffer.byteLength;
  }

  setTeam(n: number): void {
    if (!Number.isInteger(n) || n < 1 || n > this.#setup.nThreads || this.#rank >= n) {
      throw new RangeError(`rank ${this.#rank} of ${this.#setup.nThreads} cannot be in a team of ${n}`);
    }
    this.#nRanks = n;
    this.#isAlone = false;
  }

  setAlone(): void {
    if (this.#setup.keepBlocks) throw new Error('workers that keep weights in blocks have no forwards of their own');
    this.#nRanks = 1;
    this.#isAlone = true;
  }

  allocate(source: WeightSource, role: WeightRole): Weight {
    const products = this.#products.of(source.type);
    const weight = new WasmWeight(source, role, products, this.#setup.keepBlocks, this.#alive(), this.#outside);
    this.#stagingBytes = Math.max(this.#stagingBytes, weight.storage.stagingBytes(weight));
    this.readsOnDemand ||= weight.tableRows !== undefined;
    if (role === 'matrix') this.#matrices.push(weight);
    return weight;
  }

  fill(weight: Weight, source: WeightSource): Promise<void> {
    return this.fillPart(weight, source);
  }

  fillPart(weight: Weight, source: WeightSource, part?: WeightPart): Promise<void> {
    const known = own(weight);
    const filled = this.#filling.then(() => {
      const memory = this.#alive();
      const staging = memory.weightsEnd + this.#rank * this.#stagingBytes;
      // For all weights at once: V8 counts the memory again each time that it grows, and soon collects garbage.
      memory.ensure(staging + Math.max(64, this.#stagingBytes));
      return fillWeight(known, source, { memory, outside: this.#outside, kernels: this.#kernels, staging, part });
    });
    this.#filling = filled.catch(() => undefined);
    return filled;
  }

  async compute(batch: Batch, key: string, forward: () => Tensor): Promise<Float32Array> {
    const name =
      this.#observer === undefined && isPlain(batch)
        ? `${key} ${this.#divisionOf(batch)} ${this.#stripsFor(batch)}`
        : undefined;
    const kept = name === undefined ? undefined : this.#plans.get(name);
    if (kept !== undefined) return this.#again(kept, batch);
    const { recording, target } = this.#recorder.record(batch, forward);
    return this.#collect(target, () => this.#run(recording, target, name));
  }

  measure(known?: MachineCosts): ReturnType<WasmBackend['measure']> {
    const { nThreads: nRanks, keepBlocks, packed } = this.#setup;
    const [barrier, rank, matrices] = [this.#barrier, this.#rank, this.#matrices];
    if (barrier === undefined || keepBlocks || matrices.length === 0) return undefined;
    const model = sizeOf(matrices, nRanks);
    if (known !== undefined) return { machine: known, model };
    this.#done = undefined;
    const measuring = { kernels: this.#kernels, memory: this.#alive(), packed, barrier, rank, nRanks, matrices };
    return this.#together(nRanks, () => ({ machine: measureMachine(measuring), model }));
  }

  observe(observer: Observer | undefined): void {
    this.#observer = observer;
  }

  dispose(): void {
    this.#memory = undefined;
    this.#outside = undefined;
    this.#recorder.forget();
    this.#done = undefined;
    this.#plans.clear();
    this.#observer = undefined;
  }

  #alive(): KernelMemory {
    if (this.#memory === undefined) throw new Error('this backend has been disposed');
    return this.#memory;
  }

  async #read(recording: Recording<WasmWeight>, target: GraphTensor): Promise<Float32Array> {
    return this.#collect(target, () => this.#run(recording, target));
  }

  /** Carries out a kept plan for another batch. */
  #again({ plan, target, tables }: KeptPlan, batch: Batch): Float32Array {
    this.#alive();
    this.#recorder.forget();
    this.#done = undefined;
    checkBatch(batch);
    for (const { table, index } of tables) checkTableRows(table, index, batch);
    return this.#collect(target, () => this.#carryOut(plan, target, batch, this.#divisionOf(batch)));
  }

  /** The values of `target` after `run`, on rank 0; the others have none. */
  #collect(target: GraphTensor, run: () => Runtime): Float32Array {
    const nRanks = this.#nRanks;
    if (nRanks === 1) return this.#values(run(), target);
    return this.#together(nRanks, () => {
      const runtime = run();
      this.#barrier!.wait(nRanks);
      const values = this.#rank === 0 ? this.#values(runtime, target) : new Float32Array();
      if (this.#rank === 0) this.#speeds!.update(nRanks);
      this.#barrier!.wait(nRanks);
      return values;
    });
  }

  /** What all of the first `nRanks` ranks do; if one fails, all fail. */
  #together<T>(nRanks: number, run: () => T): T {
    try {
      return run();
    } catch (error) {
      this.#barrier!.leave(nRanks);
      throw error;
    }
  }

  /** Computes `target`, unless it was the last tensor computed. @param keepAs the name that the plan is kept by */
  #run(recording: Recording<WasmWeight>, target: GraphTensor, keepAs?: string): Runtime {
    if (this.#done?.target.base === target.base) return this.#done.runtime;
    const { batch, steps, nSeq, observed } = recording;
    const division = this.#divisionOf(batch);
    const made = plan(steps, target, nSeq, observed, division, this.#stripsFor(batch));
    const planned = { ...made, doubling: tokensThatDoubleCost(made.todo, batch), lastSizes: new LastSizes() };
    if (keepAs !== undefined) {
      const tables = planned.todo.filter((step) => step.op === 'embedding');
      this.#plans.set(keepAs, { plan: planned, target, tables });
    }
    const runtime = this.#carryOut(planned, target, batch, division);
    if (observed) this.#show(recording, runtime);
    this.#done = { target, runtime };
    return runtime;
  }

  #divisionOf({ ids }: Batch): PlanDivision {
    const { memory, keepBlocks } = this.#setup;
    if (this.#nRanks === 1) return 'alone';
    return splitsByColumns(ids.length, this.#nRanks, keepBlocks, readThresholds(memory)) ? 'columns' : 'rows';
  }

  /** Weights that stay in blocks are unpacked at each use: there, strips would take time. */
  #stripsFor({ ids }: Batch): number {
    return this.#setup.keepBlocks ? 1 : countStrips(Math.ceil(ids.length / this.#nRanks));
  }

  #carryOut(planned: BalancedPlan, target: GraphTensor, batch: Batch, division: PlanDivision): Runtime {
    const { todo, barriers, strips, doubling, lastSizes } = planned;
    const byColumns = division === 'columns';
    const [nRanks, isAlone] = [this.#nRanks, this.#isAlone];
    const { exact } = this.#products;
    const speeds = division === 'rows' ? this.#speeds : undefined;
    const parts = speeds?.shares(nRanks) ?? new Array<number>(nRanks).fill(1);
    const sizes = lastSizes.of(batch, { kernels: this.#kernels, todo, strips, doubling, parts, byColumns, exact });
    let waited = 0;
    const barrier = () => {
      const start = speeds === undefined ? 0 : performance.now();
      this.#barrier!.wait(nRanks);
      if (speeds !== undefined) waited += performance.now() - start;
    };
    const pieces = byColumns ? this.#pieces : undefined;
    if (pieces !== undefined) {
      pieces.reset();
      barrier();
    }
    const rt = new Runtime(
      this.#kernels,
      this.#alive(),
      this.#outside,
      batch,
      isAlone ? 0 : this.#rank,
      { shares: sizes.shares, pieces, isAlone, barrier },
      this.#setup.packed,
      planned,
      { ...sizes, results: rowsOf(target, batch) * target.cols * 4 },
      exact,
    );
    const begin = speeds === undefined ? 0 : performance.now();
    const carryOut = (step: WasmStep) => {
      const start = this.profile === undefined ? 0 : performance.now();
      runStep(rt, step);
      this.profile?.add(step.op, performance.now() - start, macsPerRow(step, batch) * rt.rows(step.out));
    };
    for (let i = 0; i < todo.length; ) {
      if (barriers[i] && sizes.isDivided) barrier();
      const end = strips.runs.get(i) ?? i + 1;
      if (end === i + 1) carryOut(todo[i]);
      else rt.inStrips(() => todo.slice(i, end).forEach(carryOut));
      i = end;
    }
    speeds?.note(costOf(rt.share, batch.offsets, doubling), performance.now() - begin - waited);
    return rt;
  }

  /** Shows named tensors to the observer; all ranks take part. */
  #show(recording: Recording<WasmWeight>, rt: Runtime): void {
    if (this.#isAlone) throw new Error('a worker that computes alone shows no steps');
    const named = recording.takeNamed();
    if (this.#nRanks > 1) this.#barrier!.wait(this.#nRanks);
    if (this.#rank === 0) {
      for (const { name, tensor } of named) {
        this.#alive().ensure(rt.end + rt.allRows(tensor) * tensor.cols * 4);
        this.#observer?.(name, this.#values(rt, tensor), tensor.rows, tensor.cols);
      }
    }
    if (this.#nRanks > 1) this.#barrier!.wait(this.#nRanks);
  }

  /** Collects the rows of all ranks contiguously after the slabs and copies them out at once. */
  #values(rt: Runtime, x: GraphTensor): Float32Array {
    const memory = this.#alive();
    let to = rt.end;
    for (let rank = 0; rank < rt.shares.length; rank++) {
      const rows = rt.rows(x, rank);
      this.#kernels.copyRows({ x: rt.address(x, rank), ldx: rt.stride(x), y: to, ldy: x.cols * 4, rows, cols: x.cols });
      to += rows * x.cols * 4;
    }
    return memory.f32.slice(rt.end / 4, to / 4);
  }
}

/** A plan, and the number of tokens of a sequence in which a token costs twice as much as alone. */
interface BalancedPlan extends Plan {
  readonly doubling: number;
  readonly lastSizes: LastSizes;
}

/** A plan that is used again, and the lookups in tables whose rows every batch has to have. */
interface KeptPlan {
  readonly plan: BalancedPlan;
  readonly target: GraphTensor;
  readonly tables: readonly Extract<WasmStep, { op: 'embedding' }>[];
}

/** Whether a batch has nothing that a forward may record other steps for. */
function isPlain({ given, spans, mixture, poolFrom, coordinates, ahead }: Batch): boolean {
  return [given, spans, mixture, poolFrom, coordinates, ahead].every((extra) => extra === undefined);
}

/** @throws Error for a weight of another backend */
function own(weight: Weight): WasmWeight {
  if (!(weight instanceof WasmWeight)) throw new Error(`${weight.name} belongs to another backend`);
  return weight;
}
