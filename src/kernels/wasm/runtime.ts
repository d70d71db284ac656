/**
 * @file What a step uses while it runs: addresses of tensors, the rows of this rank, the kernels.
 */
import type { Batch } from '../../tensor/batch.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import type { Address, Count, Kernels, Stride } from './kernels.ts';
import { alignUp, type KernelMemory } from './memory.ts';
import type { OutsideMemory } from './outside-memory.ts';
import type { Pieces } from './pieces.ts';
import type { Layout, Plan } from './plan.ts';
import type { Quantized } from './split.ts';
import { leading } from './steps.ts';
import { paddedRows, type Strips } from './strips.ts';
import type { Share } from './team.ts';
import type { WasmWeight } from './weights.ts';

/** Contiguous rows of tensors: their address, their number, and the index of the rank's first row. */
interface Slab {
  readonly address: number;
  readonly rows: number;
  readonly first: number;
}

/** What one rank works with. */
interface RankMemory {
  readonly positions: Address;
  readonly ids: Address;
  /** 0 for a batch without token types. */
  readonly types: Address;
  readonly scratch: Address;
  readonly tokens: Slab;
  readonly sequences: Slab;
}

/** How the ranks divide a forward. */
export interface Division {
  readonly shares: readonly Share[];
  /** How products are divided by columns, if they are: the ranks keep their rows in one slab, and quantised activations in `shared` bytes of scratch. */
  readonly pieces: Pieces | undefined;
  /** Other workers compute other batches at the same time: gives so many bytes that they do not use. */
  readonly ownMemory: ((bytes: number) => Address) | undefined;
  /** Waits for the other ranks. */
  readonly barrier: () => void;
}

/** Memory that a forward needs besides its results, in bytes. */
export interface Scratch {
  /** By rank. */
  readonly own: readonly number[];
  /** Shared by all ranks, if products are divided by columns. */
  readonly shared: number;
  /** Keys and values that all ranks read, of sequences with rows on several ranks. */
  readonly sharedKeys: number;
  /** For a copy of the result, after `end`. */
  readonly results: number;
}

/** Where the memory of a forward is. */
interface Placed {
  readonly ranks: readonly RankMemory[];
  readonly shared: Address;
  readonly sharedKeys: Address;
  readonly end: Address;
}

/** One forward of one rank. */
export class Runtime {
  readonly kernels: Kernels;
  readonly memory: KernelMemory;
  readonly batch: Batch;
  readonly rank: number;
  readonly division: Division;
  /** Attention stays in float32. */
  readonly exact: boolean;
  /** 1: use the tiles for 256-bit registers. */
  readonly wide: Count;
  /** Address of the shared scratch. */
  readonly shared: Address;
  /** Address of the shared keys and values. */
  readonly sharedKeys: Address;
  /** End of the last slab; a copy of the result fits behind it. */
  readonly end: number;
  readonly #outside: OutsideMemory | undefined;
  readonly #columns: Layout['columns'];
  readonly #strips: Strips;
  /** The rows of this rank that steps are carried out for, if not all. */
  #strip: { readonly begin: number; readonly rows: Count } | undefined;
  readonly #ranks: readonly RankMemory[];
  /** The activations that are quantised in this rank's scratch, and in the shared one. */
  quantized: Quantized | undefined;
  quantizedTogether: Quantized | undefined;

  /** Places the slabs and copies this rank's ids, positions and token types there. */
  constructor(
    kernels: Kernels,
    memory: KernelMemory,
    outside: OutsideMemory | undefined,
    batch: Batch,
    rank: number,
    division: Division,
    wide: boolean,
    { layout, strips }: Pick<Plan, 'layout' | 'strips'>,
    scratch: Scratch,
    exact: boolean,
  ) {
    this.exact = exact;
    this.#columns = layout.columns;
    this.#strips = strips;
    this.kernels = kernels;
    this.memory = memory;
    this.#outside = outside;
    this.batch = batch;
    this.rank = rank;
    this.division = division;
    this.wide = wide ? 1 : 0;
    const start = division.ownMemory
      ? division.ownMemory(this.#place(0, layout, scratch).end + scratch.results)
      : memory.slabs;
    const placed = this.#place(start, layout, scratch);
    this.#ranks = placed.ranks;
    this.shared = placed.shared;
    this.sharedKeys = placed.sharedKeys;
    this.end = placed.end;
    memory.ensure(this.end + scratch.results);
    const { shares } = division;
    const { tokens, tokensEnd } = shares[rank];
    memory.i32.set(batch.ids.subarray(tokens, tokensEnd), this.ids / 4);
    memory.i32.set(batch.positions.subarray(tokens, tokensEnd), this.positions / 4);
    if (batch.types !== undefined) memory.i32.set(batch.types.subarray(tokens, tokensEnd), this.types / 4);
  }

  /** Places the memory of the forward from `start` on. */
  #place(start: Address, layout: Layout, scratch: Scratch): Placed {
    const { batch } = this;
    let at = start;
    const part = (bytes: number) => {
      const begin = at;
      at = alignUp(at + bytes + 64, 64);
      return begin;
    };
    const { pieces, shares } = this.division;
    const byColumns = pieces !== undefined;
    const slabs = (tokens: number, sequences: number) => ({
      tokens: { address: part(tokens * layout.tokenWidth * 4), rows: tokens, first: 0 },
      sequences: { address: part(sequences * layout.sequenceWidth * 4), rows: sequences, first: 0 },
    });
    const shared = part(scratch.shared);
    const sharedKeys = part(scratch.sharedKeys);
    const together = byColumns ? slabs(batch.ids.length, batch.offsets.length - 1) : undefined;
    const ranks = shares.map((share, rank) => {
      at = alignUp(at, 4096);
      const [tokens, sequences] = [share.tokensEnd - share.tokens, share.sequencesEnd - share.sequences];
      const own = {
        ids: part(tokens * 4),
        positions: part(tokens * 4),
        types: batch.types === undefined ? 0 : part(tokens * 4),
        scratch: part(scratch.own[rank]),
      };
      const { tokens: ofTokens, sequences: ofSequences } =
        together ?? slabs(paddedRows(tokens, this.#strips.count), sequences);
      return {
        ...own,
        tokens: { ...ofTokens, first: byColumns ? share.tokens : 0 },
        sequences: { ...ofSequences, first: byColumns ? share.sequences : 0 },
      };
    });
    return { ranks, shared, sharedKeys, end: alignUp(at, 4096) };
  }

  get shares(): readonly Share[] {
    return this.division.shares;
  }

  get share(): Share {
    return this.shares[this.rank];
  }

  /** Address of this rank's token ids. */
  get ids(): Address {
    return this.#ranks[this.rank].ids;
  }

  /** Address of this rank's positions. */
  get positions(): Address {
    return this.#ranks[this.rank].positions;
  }

  /** Address of this rank's token types, 0 for a batch without. */
  get types(): Address {
    return this.#ranks[this.rank].types;
  }

  /** Address of this rank's scratch. */
  get scratch(): Address {
    return this.#ranks[this.rank].scratch;
  }

  /** Steps that depend on no other row are carried out for one strip of this rank's rows after the other: at each `next`, for the next strip. */
  *strips(): Generator<void> {
    const { tokens, tokensEnd } = this.share;
    const end = tokensEnd - tokens;
    const most = this.#ranks[this.rank].tokens.rows / this.#strips.count;
    for (let begin = 0; begin < end; begin += most) {
      this.quantized = undefined;
      this.#strip = { begin, rows: Math.min(most, end - begin) };
      yield;
    }
    this.quantized = undefined;
    this.#strip = undefined;
  }

  /** Address of `rows` rows of a weight, from `row` on; `scratch` receives the copy if the storage needs one. */
  blocks(w: WasmWeight, row: number, rows: number, scratch: Address): Address {
    return w.storage.rows(w, row, rows, scratch, this.memory, this.#outside);
  }

  /** Number of rows of `x` on all ranks. */
  allRows(x: GraphTensor): Count {
    return rowsOf(x, this.batch);
  }

  /** Number of rows of `x` on one rank, or in the strip. */
  rows(x: GraphTensor, rank = this.rank): Count {
    if (this.#strip !== undefined) return this.#strip.rows;
    const share = this.shares[rank];
    return x.space === 'tokens' ? share.tokensEnd - share.tokens : share.sequencesEnd - share.sequences;
  }

  /** Address of the first of a rank's rows of `x`, or of the first in the strip. */
  address(x: GraphTensor, rank = this.rank): Address {
    const { address, rows, first } = this.#ranks[rank][x.space];
    const row = this.#strip === undefined || this.#strips.between.has(x.base) ? first : this.#strip.begin;
    return address + (rows * this.#columns.get(x.base)! + x.start + row * leading(x)) * 4;
  }

  /** Bytes from row to row. */
  stride(x: GraphTensor): Stride {
    return leading(x) * 4;
  }

  /** Splits the rows [begin, end) of a token tensor into pieces: the rank of each, and its address. */
  *segments(x: GraphTensor, begin: number, end: number): Generator<{ address: Address; ld: Stride; rows: Count }> {
    for (let rank = 0; rank < this.shares.length; rank++) {
      const { tokens, tokensEnd } = this.shares[rank];
      const from = Math.max(begin, tokens);
      const to = Math.min(end, tokensEnd);
      const ld = this.stride(x);
      if (from < to) yield { address: this.address(x, rank) + (from - tokens) * ld, ld, rows: to - from };
    }
  }
}

/** Rows of a tensor in a forward over `batch`. A kept plan's tensors have the rows of another batch. */
export function rowsOf({ space }: GraphTensor, { ids, offsets }: Batch): Count {
  return space === 'tokens' ? ids.length : offsets.length - 1;
}
