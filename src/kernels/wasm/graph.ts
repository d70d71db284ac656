/**
 * @file What the operations record: steps, and the tensors that they read and make.
 */
import type { PoolKind, StepNames, Tensor } from '../../tensor/ops.ts';
import { rowStride } from './memory.ts';
import type { Runtime } from './runtime.ts';
import type { Products } from './weights.ts';

/** What a tensor's rows are. */
export type Space = 'tokens' | 'sequences';

/** A result of a step, or a view of some of its columns. */
export class WasmTensor implements Tensor {
  readonly rows: number;
  readonly cols: number;
  readonly #space: Space;
  /** Floats from row to row: a multiple of 16. */
  readonly ld: number;
  /** First column of a view in `base`. */
  readonly start: number;
  readonly #base: WasmTensor | undefined;
  /** Where it lies in the slabs, in floats a row; -1 while it does not lie anywhere. Of a base only. */
  column = -1;
  /** Last step that reads it. Of a base only. */
  lastUse = -1;
  /** Only one row of each sequence is computed (`narrow.ts`). Of a base only. */
  isNarrow = false;

  constructor(rows: number, cols: number, space: Space, base?: WasmTensor, start = 0) {
    this.rows = rows;
    this.cols = cols;
    this.#space = space;
    this.ld = base?.ld ?? rowStride(cols * 4) / 4;
    this.#base = base?.base;
    this.start = start + (base?.start ?? 0);
  }

  /** The tensor that owns the memory. */
  get base(): WasmTensor {
    return this.#base ?? this;
  }

  get space(): Space {
    return this.base.isNarrow ? 'sequences' : this.#space;
  }
}

/** How a step is narrowed. */
export interface Narrowed {
  /** Which row of each sequence it computes. */
  readonly row: 'cls' | 'last';
  /** Copies of the rows that the step reads, by the tensor they are of. */
  readonly copies: ReadonlyMap<WasmTensor, WasmTensor>;
}

/** One recorded operation. */
export interface Step {
  /** For the profile. */
  readonly op: string;
  readonly inputs: readonly WasmTensor[];
  readonly out: WasmTensor;
  /** Reads rows of other ranks. */
  readonly exchange?: boolean;
  /** A product of `inputs[0]` with a weight, in these numbers; ranks may divide its columns (`split.ts`). */
  readonly product?: Products['kind'];
  /** Computes each row from the same row of its inputs (`rows`), or of the first of them alone (`query`). */
  readonly byRow?: 'rows' | 'query';
  /** Pools in this way. */
  readonly pool?: PoolKind;
  /** Computes this row of each sequence, and finds rows of tokens in copies. */
  readonly narrowed?: Narrowed;
  readonly names?: StepNames<never>;
  /** Multiply-adds a row of `out`, for the profile. */
  readonly macs?: number;
  /** Bytes of scratch that a rank with that many token and sequence rows needs. */
  scratch?(tokens: number, sequences: number): number;
  /** Bytes of scratch that the ranks need together where products are divided by columns. */
  readonly sharedScratch?: number;
  run(rt: Runtime): void;
}
