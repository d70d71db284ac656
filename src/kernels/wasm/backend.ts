/**
 * @file The backend: makes the module, the memory and the team, and carries out what the operations have recorded.
 */
import type { GgmlType } from '../../gguf/ggml-types.ts';
import type { Backend, Precision, WeightRole, WeightSource } from '../../tensor/backend.ts';
import type { Batch, Observer, Ops, Weight } from '../../tensor/ops.ts';
import { Recorder, type Recording } from '../graph/record.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { dot8Levels, dotK4IsExact } from './dot8.ts';
import { f32 } from './forms/f32.ts';
import { i16 } from './forms/i16.ts';
import { k4 } from './forms/k4.ts';
import { u8 } from './forms/u8.ts';
import { type CompiledKernels, compileKernels, instantiateKernels, type Kernels, tryKernels } from './kernels.ts';
import { macsPerRow, runStep, scratchBytes, sharedScratchBytes } from './lower.ts';
import { KernelMemory, maxMemoryBytes } from './memory.ts';
import { type Plan, plan } from './plan.ts';
import type { Profile } from './profile.ts';
import { Runtime } from './runtime.ts';
import { findWrongKernel } from './self-check.ts';
import { makeShelf, Shelf, type ShelfSetup } from './shelf.ts';
import { shareGroups, splitsByColumns } from './split.ts';
import { Barrier, type Share, sequencesAreSplit, shareRows } from './team.ts';
import { fillWeight, type Products, stagingBytesOf, WasmWeight } from './weights.ts';

/** What all workers of a team have in common. Can be sent with `postMessage`. */
export interface WasmSetup extends CompiledKernels {
  readonly nThreads: number;
  /** Shared when `nThreads` is above 1. */
  readonly memory: WebAssembly.Memory;
  /** Tiles made for 256-bit registers are in use. */
  readonly packed: boolean;
  /** Name of the kernel whose packed form was wrong, so that packing was given up. */
  readonly refused?: string;
  /** Matrices stay in the file's blocks and are unpacked while they are used. */
  readonly keepBlocks: boolean;
  readonly eightBits: 'auto' | 'always' | 'never';
  /** Where blocks go that do not fit in `memory`. */
  readonly shelf?: ShelfSetup;
}

/** Options of `prepareWasm`. */
export interface PrepareOptions {
  /** Default 1. */
  readonly nThreads?: number;
  /**
   * The runtime packs neighbouring 128-bit lanes (see `packing.node.ts`): use tiles made for that, if every kernel turns
   * out right. Default false.
   */
  readonly packed?: boolean;
  /**
   * Keep matrices in the file's blocks, which takes the file's size in memory instead of two bytes a value (four in
   * `exact`), and unpack them at each use, which costs time on short batches. Default: false.
   */
  readonly keepBlocks?: boolean;
  /**
   * Bytes that the weights take in the file. With `keepBlocks`, more than `insideBytes` makes those that come later stay outside of
   * WebAssembly memory, which ends at 4 GiB.
   */
  readonly weightBytes?: number;
  /** Bytes of WebAssembly memory for weights; the rest is for what a forward computes. Default 3 GiB. */
  readonly insideBytes?: number;
  /**
   * When `fast` computes with 8 bits: `auto` where the engine takes activations of a full 8 bits, which it does on CPUs where they are
   * faster than 16 bits; `always` also with 7 bits; `never` but for weights of 4 bits. Default `auto`.
   */
  readonly eightBits?: 'auto' | 'always' | 'never';
}

/** Options of `createWasmBackend`. */
export interface WasmOptions {
  /** Default `high`. */
  readonly precision?: Precision;
  /** What `prepareWasm` made; default: one thread, nothing shared. */
  readonly setup?: WasmSetup;
  /** Which worker of the team this is; default 0. */
  readonly rank?: number;
}

/** The wasm backend. */
export interface WasmBackend extends Backend {
  /** How many workers take part in the forwards from now on: ranks 0 … n−1. */
  setTeam(n: number): void;
  /** Time and work of each operation of this rank while it is set. */
  profile: Profile | undefined;
  /** Bytes of WebAssembly memory in use. */
  readonly memoryBytes: number;
}

/** Compiles the kernels, checks them where packing is asked for, and makes the memory. */
export async function prepareWasm(options: PrepareOptions = {}): Promise<WasmSetup> {
  const { nThreads = 1, packed = false, keepBlocks = false, eightBits = 'auto' } = options;
  const { weightBytes = 0, insideBytes = 3 * 2 ** 30 } = options;
  if (!Number.isInteger(nThreads) || nThreads < 1) throw new RangeError(`${nThreads} is no number of threads`);
  const shared = nThreads > 1;
  const compiled = await compileKernels(shared);
  const shelf = keepBlocks && weightBytes > insideBytes ? makeShelf(weightBytes, insideBytes, shared) : undefined;
  const rest = { nThreads, memory: makeMemory(shared), keepBlocks, eightBits, shelf };
  const refused = packed ? await wrongKernel(compiled, shared) : undefined;
  if (refused === undefined) return { ...compiled, ...rest, packed };
  const { disablePacking } = await import('./packing.node.ts');
  disablePacking();
  return { ...(await compileKernels(shared, 'without packing')), ...rest, packed: false, refused };
}

async function wrongKernel({ module }: CompiledKernels, shared: boolean): Promise<string | undefined> {
  const { kernels, memory } = await tryKernels(module, shared);
  return findWrongKernel(kernels, memory);
}

/** A memory that can grow as far as the runtime lets it: address space is reserved, not used. */
function makeMemory(shared: boolean): WebAssembly.Memory {
  for (let maximum = maxMemoryBytes / 65536; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 16, maximum, shared });
    } catch (error) {
      if (maximum < 4096) throw error;
    }
  }
}

/** Ends a team one of whose workers has died: every member's `read` fails from now on. */
export function abortTeam(setup: WasmSetup): void {
  new Barrier(setup.memory).giveUp();
}

/** Makes the backend of one worker (or the only one). */
export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const { precision = 'high', rank = 0 } = options;
  const setup = options.setup ?? (await prepareWasm());
  if (!Number.isInteger(rank) || rank < 0 || rank >= setup.nThreads) {
    throw new RangeError(`there is no rank ${rank} in a team of ${setup.nThreads}`);
  }
  const kernels = await instantiateKernels(setup.module, setup.memory);
  return new Backing(kernels, setup, rank, await chooseProducts(precision, setup));
}

/** How matrices are multiplied. */
interface Choice {
  /** Everything is float32. */
  readonly exact: boolean;
  /** The products of a matrix of this type. */
  readonly of: (type: GgmlType) => Products;
  /** For the description. */
  readonly note: string;
}

async function chooseProducts(precision: Precision, setup: WasmSetup): Promise<Choice> {
  if (precision === 'exact') return { exact: true, of: () => f32, note: '' };
  const int16: Choice = { exact: false, of: () => i16, note: '' };
  if (precision === 'high') return int16;
  const levels = setup.eightBits === 'never' ? 0 : await dot8Levels(setup);
  if (levels === 255 || (levels === 127 && setup.eightBits === 'always')) {
    const form = u8(levels);
    return { ...int16, of: () => form, note: `, ${levels === 255 ? 8 : 7}-bit activations` };
  }
  if (!(await dotK4IsExact(setup))) return int16;
  return {
    ...int16,
    of: ({ name }) => (name === 'Q4_K' ? k4 : i16),
    note: ', 8-bit activations for Q4_K',
  };
}

class Backing implements WasmBackend {
  readonly name = 'wasm';
  readonly description: string;
  readonly ops: Ops;
  profile: Profile | undefined;
  readonly #kernels: Kernels;
  readonly #setup: WasmSetup;
  readonly #rank: number;
  readonly #products: Choice;
  #memory: KernelMemory | undefined;
  #shelf: Shelf | undefined;
  readonly #barrier: Barrier | undefined;
  #nRanks: number;
  readonly #recorder: Recorder<WasmWeight>;
  #observer: Observer | undefined;
  #filling: Promise<void> = Promise.resolve();
  /** Bytes that filling takes for any weight so far; each rank has as many of its own. */
  #stagingBytes = 0;
  /** The forward whose results still lie in memory. */
  #done: { target: GraphTensor; runtime: Runtime } | undefined;

  constructor(kernels: Kernels, setup: WasmSetup, rank: number, products: Choice) {
    this.#kernels = kernels;
    this.#setup = setup;
    this.#rank = rank;
    this.#products = products;
    this.#memory = new KernelMemory(setup.memory);
    this.#shelf = setup.shelf && new Shelf(setup.shelf);
    this.#nRanks = setup.nThreads;
    this.#barrier = setup.nThreads > 1 ? new Barrier(setup.memory) : undefined;
    const packing = setup.packed
      ? ', 256-bit packing'
      : setup.refused
        ? `, 256-bit packing refused (${setup.refused})`
        : '';
    const simd = `WebAssembly ${setup.relaxed ? 'relaxed ' : ''}SIMD${packing}`;
    const threads = setup.nThreads === 1 ? 'one thread' : `${setup.nThreads} threads`;
    this.description = `${simd}, ${threads}${products.note}`;
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
  }

  allocate(source: WeightSource, role: WeightRole): Weight {
    const products = this.#products.of(source.type);
    const weight = new WasmWeight(source, role, products, this.#setup.keepBlocks, this.#alive(), this.#shelf);
    this.#stagingBytes = Math.max(this.#stagingBytes, stagingBytesOf(weight));
    return weight;
  }

  fill(weight: Weight, source: WeightSource): Promise<void> {
    const known = own(weight);
    const filled = this.#filling.then(() => {
      const memory = this.#alive();
      const staging = memory.weightsEnd + this.#rank * this.#stagingBytes;
      return fillWeight(known, source, memory, this.#shelf, this.#kernels, staging);
    });
    this.#filling = filled.catch(() => undefined);
    return filled;
  }

  observe(observer: Observer | undefined): void {
    this.#observer = observer;
  }

  dispose(): void {
    this.#memory = undefined;
    this.#shelf = undefined;
    this.#recorder.forget();
    this.#done = undefined;
    this.#observer = undefined;
  }

  #alive(): KernelMemory {
    if (this.#memory === undefined) throw new Error('this backend has been disposed');
    return this.#memory;
  }

  async #read(recording: Recording<WasmWeight>, target: GraphTensor): Promise<Float32Array> {
    if (this.#nRanks === 1) return this.#values(this.#run(recording, target), target);
    try {
      const runtime = this.#run(recording, target);
      this.#barrier!.wait(this.#nRanks);
      const values = this.#rank === 0 ? this.#values(runtime, target) : new Float32Array();
      this.#barrier!.wait(this.#nRanks);
      return values;
    } catch (error) {
      this.#barrier!.leave(this.#nRanks);
      throw error;
    }
  }

  /** Computes `target`, unless it is what was computed last. */
  #run(recording: Recording<WasmWeight>, target: GraphTensor): Runtime {
    if (this.#done?.target.base === target.base) return this.#done.runtime;
    const { batch, steps, nSeq, nTokens, observed } = recording;
    const byColumns = splitsByColumns(nTokens, this.#nRanks, this.#setup.keepBlocks);
    const runtime = this.#carryOut(plan(steps, target, nSeq, observed, byColumns), batch, byColumns);
    if (observed) this.#show(recording, runtime);
    this.#done = { target, runtime };
    return runtime;
  }

  #carryOut({ todo, meets, layout }: Plan, batch: Batch, byColumns: boolean): Runtime {
    const nRanks = this.#nRanks;
    const { offsets } = batch;
    const { exact } = this.#products;
    const shares = byColumns ? shareGroups(offsets, nRanks) : shareRows(offsets, nRanks);
    const ownScratch = ({ tokens, tokensEnd, sequences, sequencesEnd }: Share) => {
      const rows = { tokens: tokensEnd - tokens, sequences: sequencesEnd - sequences };
      return Math.max(
        0,
        ...todo.map((s) => scratchBytes(s, { kernels: this.#kernels, rows: rows[s.out.space], batch, nRanks, exact })),
      );
    };
    const shared = byColumns ? Math.max(0, ...todo.map(sharedScratchBytes)) : 0;
    const meet = () => this.#barrier!.wait(nRanks);
    const rt = new Runtime(
      this.#kernels,
      this.#alive(),
      this.#shelf,
      batch,
      this.#rank,
      { shares, byColumns, meet },
      this.#setup.packed,
      layout,
      { own: ownScratch, shared },
      exact,
    );
    const divided =
      byColumns || [offsets, ...Object.values(batch.spans ?? {})].some((ends) => sequencesAreSplit(ends, shares));
    todo.forEach((step, i) => {
      if (meets[i] && divided) meet();
      const start = this.profile === undefined ? 0 : performance.now();
      runStep(rt, step);
      this.profile?.add(step.op, performance.now() - start, macsPerRow(step, batch) * rt.rows(step.out));
    });
    return rt;
  }

  /** Shows what has been named to the observer; all ranks take part. */
  #show(recording: Recording<WasmWeight>, rt: Runtime): void {
    const named = recording.takeNamed();
    if (this.#nRanks > 1) this.#barrier!.wait(this.#nRanks);
    if (this.#rank === 0) {
      for (const { name, tensor } of named) {
        this.#observer?.(name, this.#values(rt, tensor), tensor.rows, tensor.cols);
      }
    }
    if (this.#nRanks > 1) this.#barrier!.wait(this.#nRanks);
  }

  /** Collects the rows of all ranks, end to end behind the slabs, and copies them out at once. */
  #values(rt: Runtime, x: GraphTensor): Float32Array {
    const memory = this.#alive();
    memory.ensure(rt.end + x.rows * x.cols * 4);
    let to = rt.end;
    for (let rank = 0; rank < rt.shares.length; rank++) {
      const rows = rt.rows(x, rank);
      this.#kernels.copyRows({ x: rt.address(x, rank), ldx: rt.stride(x), y: to, ldy: x.cols * 4, rows, cols: x.cols });
      to += rows * x.cols * 4;
    }
    return memory.f32.slice(rt.end / 4, to / 4);
  }
}

/** @throws Error for a weight of another backend */
function own(weight: Weight): WasmWeight {
  if (!(weight instanceof WasmWeight)) throw new Error(`${weight.name} belongs to another backend`);
  return weight;
}
