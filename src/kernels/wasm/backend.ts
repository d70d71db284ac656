/**
 * @file The backend of one worker: allocates and fills weights, records forwards, and keeps the plans that its rank carries out.
 */
import type { Backend, Precision, WeightPart, WeightRole, WeightSource } from '../../tensor/backend.ts';
import type { Batch } from '../../tensor/batch.ts';
import { checkBatch, checkTableRows } from '../../tensor/batch-rows.ts';
import type { Observer, Ops, Tensor, Weight } from '../../tensor/ops.ts';
import { Turn } from '../../turn.ts';
import { Recorder } from '../graph/record.ts';
import type { Recording } from '../graph/recording.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { tokensThatDoubleCost } from './balance.ts';
import { chooseProducts, type ProductChoice } from './choose-products.ts';
import { measureMachine, sizeOf } from './costs.ts';
import { instantiateKernels, type Kernels } from './kernels.ts';
import { plan } from './plan.ts';
import type { Profile } from './profile.ts';
import { type BalancedPlan, type Pausing, Rank } from './rank.ts';
import type { Runtime } from './runtime.ts';
import { describeSetup, prepareWasm, type WasmSetup } from './setup.ts';
import { LastSizes } from './sizes.ts';
import type { WasmStep } from './steps.ts';
import type { MachineCosts, ModelSize } from './thresholds.ts';
import { fillWeight, WasmWeight } from './weights.ts';

/** Options of `createWasmBackend`. */
export interface WasmOptions {
  /** Default `high`. */
  readonly precision?: Precision;
  /** The result of `prepareWasm`; default: one thread, nothing shared. */
  readonly setup?: WasmSetup;
  /** The index of this worker in the team; default 0. */
  readonly rank?: number;
  /**
   * Forwards of a team of one yield the thread between two steps once they have kept it for 10 ms, and run one after the other. In a larger team,
   * the others would wait. Default false.
   */
  readonly yields?: boolean;
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
  const { precision = 'high', rank = 0, yields = false } = options;
  const setup = options.setup ?? (await prepareWasm());
  if (!Number.isInteger(rank) || rank < 0 || rank >= setup.nThreads) {
    throw new RangeError(`rank ${rank} does not exist in a team of ${setup.nThreads}`);
  }
  const kernels = await instantiateKernels(setup.module, setup.memory);
  const products = await chooseProducts(precision, setup);
  return new WasmForwards(
    new Rank(kernels, setup, rank, products.exact, yields ? new Turn() : undefined),
    kernels,
    setup,
    products,
  );
}

class WasmForwards implements WasmBackend {
  readonly name = 'wasm';
  readonly description: string;
  readonly ops: Ops;
  readsOnDemand = false;
  readonly #kernels: Kernels;
  readonly #setup: WasmSetup;
  readonly #rank: Rank;
  readonly #products: ProductChoice;
  readonly #matrices: WasmWeight[] = [];
  readonly #recorder: Recorder<WasmWeight>;
  #observer: Observer | undefined;
  /** Resolves when what was asked for last no longer needs the memory after the weights: filling, or a forward that yields. */
  #last: Promise<void> = Promise.resolve();
  /** The largest staging memory that filling a weight has needed so far; each rank has its own. */
  #stagingBytes = 0;
  /** Plans of forwards, by what they do and how ranks divide them. They hold for every plain batch. */
  readonly #plans = new Map<string, KeptPlan>();
  /** The forward whose results are still in memory. */
  #done: { target: GraphTensor; runtime: Runtime } | undefined;

  constructor(rank: Rank, kernels: Kernels, setup: WasmSetup, products: ProductChoice) {
    this.#kernels = kernels;
    this.#setup = setup;
    this.#rank = rank;
    this.#products = products;
    this.description = `${describeSetup(setup)}${products.note}`;
    this.#recorder = new Recorder({
      own,
      begin: () => {
        this.#rank.alive();
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

  get profile(): Profile | undefined {
    return this.#rank.profile;
  }

  set profile(profile: Profile | undefined) {
    this.#rank.profile = profile;
  }

  setTeam(n: number): void {
    this.#rank.setTeam(n);
  }

  setAlone(): void {
    this.#rank.setAlone();
  }

  allocate(source: WeightSource, role: WeightRole): Weight {
    const products = this.#products.of(source.type, role);
    const { keepBlocks } = this.#setup;
    const weight = new WasmWeight(source, role, products, keepBlocks, this.#rank.alive(), this.#rank.outside);
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
    return this.#next(() => {
      const { outside, index } = this.#rank;
      const memory = this.#rank.alive();
      const staging = memory.weightsEnd + index * this.#stagingBytes;
      // For all weights at once: V8 counts the memory again each time that it grows, and soon collects garbage.
      memory.ensure(staging + Math.max(64, this.#stagingBytes));
      return fillWeight(known, source, { memory, outside, kernels: this.#kernels, staging, part });
    });
  }

  async compute(batch: Batch, key: string, forward: () => Tensor): Promise<Float32Array> {
    const name =
      this.#observer === undefined && isPlain(batch)
        ? `${key} ${this.#rank.divisionOf(batch)} ${this.#rank.stripsFor(batch)}`
        : undefined;
    const kept = name === undefined ? undefined : this.#plans.get(name);
    if (kept !== undefined) return this.#again(kept, batch);
    const { recording, target } = this.#recorder.record(batch, forward);
    return this.#collect(target, this.#run(recording, target, this.#observer, name));
  }

  measure(known?: MachineCosts): ReturnType<WasmBackend['measure']> {
    const { nThreads: nRanks, keepBlocks, packed } = this.#setup;
    const [{ barrier, index: rank }, matrices] = [this.#rank, this.#matrices];
    if (barrier === undefined || keepBlocks || matrices.length === 0) return undefined;
    const model = sizeOf(matrices, nRanks);
    if (known !== undefined) return { machine: known, model };
    this.#done = undefined;
    const measuring = { kernels: this.#kernels, memory: this.#rank.alive(), packed, barrier, rank, nRanks, matrices };
    return this.#rank.together(nRanks, () => ({ machine: measureMachine(measuring), model }));
  }

  observe(observer: Observer | undefined): void {
    this.#observer = observer;
  }

  dispose(): void {
    this.#rank.dispose();
    this.#recorder.forget();
    this.#done = undefined;
    this.#plans.clear();
    this.#observer = undefined;
  }

  async #read(recording: Recording<WasmWeight>, target: GraphTensor): Promise<Float32Array> {
    return this.#collect(target, this.#run(recording, target, this.#observer));
  }

  /** Begins when what was asked for before has ended. */
  #next<T>(begin: () => Promise<T>): Promise<T> {
    const result = this.#last.then(begin);
    const ignore = () => undefined;
    this.#last = result.then(ignore, ignore);
    return result;
  }

  /** The values of `target` after `run`. */
  #collect(target: GraphTensor, run: Pausing<Runtime>): Float32Array | Promise<Float32Array> {
    const { turn } = this.#rank;
    if (turn === undefined) return this.#rank.collect(target, () => run.next().value as Runtime);
    return this.#next(async () => {
      turn.begin();
      for (;;) {
        this.#rank.alive();
        const { done, value } = run.next();
        if (done) return this.#rank.collect(target, () => value);
        await turn.pass();
      }
    });
  }

  /** Carries out a kept plan for another batch. */
  #again({ plan, target, tables }: KeptPlan, batch: Batch): Float32Array | Promise<Float32Array> {
    this.#recorder.forget();
    checkBatch(batch);
    for (const { table, index } of tables) checkTableRows(table, index, batch);
    return this.#collect(target, this.#carryOut(plan, target, batch));
  }

  *#carryOut(...forward: Parameters<Rank['carryOut']>): Pausing<Runtime> {
    this.#done = undefined;
    return yield* this.#rank.carryOut(...forward);
  }

  /** Computes `target`, unless it was the last tensor computed. @param keepAs the name that the plan is kept by */
  *#run(
    recording: Recording<WasmWeight>,
    target: GraphTensor,
    observer: Observer | undefined,
    keepAs?: string,
  ): Pausing<Runtime> {
    if (this.#done?.target.base === target.base) return this.#done.runtime;
    const { batch, steps, nSeq, observed } = recording;
    const made = plan(steps, target, nSeq, observed, this.#rank.divisionOf(batch), this.#rank.stripsFor(batch));
    const planned = { ...made, doubling: tokensThatDoubleCost(made.todo, batch), lastSizes: new LastSizes() };
    if (keepAs !== undefined) {
      const tables = planned.todo.filter((step) => step.op === 'embedding');
      this.#plans.set(keepAs, { plan: planned, target, tables });
    }
    const runtime = yield* this.#carryOut(planned, target, batch);
    if (observed) yield* this.#rank.show(recording.takeNamed(), runtime, observer);
    this.#done = { target, runtime };
    return runtime;
  }
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
