/**
 * @file What a step sees while it runs: addresses of tensors, the rows of this rank, the kernels.
 */
import type { Batch } from '../../tensor/ops.ts';
import type { Layout, WasmTensor } from './graph.ts';
import type { Kernels } from './kernels.ts';
import { alignUp, type KernelMemory } from './memory.ts';
import type { Shelf } from './shelf.ts';
import type { Share } from './team.ts';
import type { Blocking, WasmWeight } from './weights.ts';

/** Where the parts of one rank's slab begin. */
interface Slab {
  readonly positions: number;
  readonly ids: number;
  readonly scratch: number;
  readonly tokens: number;
  readonly sequences: number;
}

/** One forward of one rank. */
export class Runtime {
  readonly kernels: Kernels;
  readonly memory: KernelMemory;
  readonly batch: Batch;
  readonly rank: number;
  readonly shares: readonly Share[];
  /** 1: use the tiles made for 256-bit registers. */
  readonly wide: number;
  /** Where the last slab ends. */
  readonly end: number;
  readonly #shelf: Shelf | undefined;
  readonly #slabs: Slab[] = [];
  /** What lies quantised in the scratch of `linear`. */
  quantized: { tensor: WasmTensor; blocking: Blocking } | undefined;

  /**
   * Lays out the slabs behind the weights and brings this rank's ids and positions there.
   * @param scratch bytes that each rank needs
   */
  constructor(
    kernels: Kernels,
    memory: KernelMemory,
    shelf: Shelf | undefined,
    batch: Batch,
    rank: number,
    shares: readonly Share[],
    wide: boolean,
    layout: Layout,
    scratch: (share: Share) => number,
  ) {
    this.kernels = kernels;
    this.memory = memory;
    this.#shelf = shelf;
    this.batch = batch;
    this.rank = rank;
    this.shares = shares;
    this.wide = wide ? 1 : 0;
    let at = alignUp(memory.weightsEnd + 64, 4096);
    const part = (bytes: number) => {
      const start = at;
      at = alignUp(at + bytes + 64, 64);
      return start;
    };
    for (const share of shares) {
      const tokens = share.tokensEnd - share.tokens;
      const sequences = share.sequencesEnd - share.sequences;
      this.#slabs.push({
        ids: part(tokens * 4),
        positions: part(tokens * 4),
        scratch: part(scratch(share)),
        tokens: part(tokens * layout.tokenWidth * 4),
        sequences: part(sequences * layout.sequenceWidth * 4),
      });
      at = alignUp(at, 4096);
    }
    this.end = at;
    memory.ensure(at);
    const { tokens, tokensEnd } = shares[rank];
    memory.i32.set(batch.ids.subarray(tokens, tokensEnd), this.ids / 4);
    memory.i32.set(batch.positions.subarray(tokens, tokensEnd), this.positions / 4);
  }

  get share(): Share {
    return this.shares[this.rank];
  }

  /** Address of this rank's token ids. */
  get ids(): number {
    return this.#slabs[this.rank].ids;
  }

  /** Address of this rank's positions. */
  get positions(): number {
    return this.#slabs[this.rank].positions;
  }

  /** Address of this rank's scratch. */
  get scratch(): number {
    return this.#slabs[this.rank].scratch;
  }

  /** Address of `rows` rows of a weight that is in file blocks, from `row` on; they are copied to `scratch` if they are shelved. */
  blocks(w: WasmWeight, row: number, rows: number, scratch: number): number {
    const from = w.address + row * w.rowBytes;
    if (w.form !== 'shelved') return from;
    this.#shelf!.read(from, this.memory.bytes(scratch, rows * w.rowBytes));
    return scratch;
  }

  /** Rows of `x` that a rank has. */
  rows(x: WasmTensor, rank = this.rank): number {
    const share = this.shares[rank];
    return x.space === 'tokens' ? share.tokensEnd - share.tokens : share.sequencesEnd - share.sequences;
  }

  /** Address of the first of a rank's rows of `x`. */
  address(x: WasmTensor, rank = this.rank): number {
    const slab = this.#slabs[rank];
    return slab[x.space] + (this.rows(x, rank) * x.base.column + x.start) * 4;
  }

  /** Bytes from row to row. */
  stride(x: WasmTensor): number {
    return x.ld * 4;
  }

  /** Pieces of the rows [begin, end) of a token tensor: which rank has them, and where. */
  *segments(x: WasmTensor, begin: number, end: number): Generator<{ address: number; rows: number }> {
    for (let rank = 0; rank < this.shares.length; rank++) {
      const { tokens, tokensEnd } = this.shares[rank];
      const from = Math.max(begin, tokens);
      const to = Math.min(end, tokensEnd);
      if (from < to) yield { address: this.address(x, rank) + (from - tokens) * this.stride(x), rows: to - from };
    }
  }
}
