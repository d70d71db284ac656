/**
 * @file Tensors of a recorded forward: shapes only. Memory is assigned when the forward runs.
 */
import type { Tensor } from '../../tensor/ops.ts';

/** What the rows of a tensor are. */
export type Space = 'tokens' | 'sequences';

/** The result of a step, or a view of some of its columns. */
export class GraphTensor implements Tensor {
  readonly rows: number;
  readonly cols: number;
  readonly space: Space;
  /** First column of a view in `base`; 0 for a result. */
  readonly start: number;
  readonly #base: GraphTensor | undefined;

  /** @param of the tensor that a view refers to; the view's first column is its column `start` */
  constructor(rows: number, cols: number, space: Space, of?: GraphTensor, start = 0) {
    this.rows = rows;
    this.cols = cols;
    this.space = space;
    this.#base = of?.base;
    this.start = start + (of?.start ?? 0);
  }

  /** The result that a view refers to; the tensor itself if it is not a view. */
  get base(): GraphTensor {
    return this.#base ?? this;
  }
}
