/**
 * @file One recorded forward: its batch, its steps, its tensors, and what the observer is to see.
 */

import type { Batch } from '../../tensor/batch.ts';
import { checkBatch } from '../../tensor/batch-rows.ts';
import type { Tensor, Weight } from '../../tensor/ops.ts';
import type { Step } from './step.ts';
import { GraphTensor, type Space } from './tensor.ts';

/** A tensor that the observer is to see. */
export interface Named {
  readonly name: string;
  readonly tensor: GraphTensor;
}

/** One recorded forward. */
export class Recording<W extends Weight> {
  readonly batch: Batch;
  readonly steps: Step<W>[] = [];
  /** An observer looks at every step: no step may be omitted, joined or overwritten. */
  readonly observed: boolean;
  #named: Named[] = [];
  readonly #tensors = new WeakSet<Tensor>();

  /** @throws Error when the offsets do not cover the tokens */
  constructor(batch: Batch, observed: boolean) {
    checkBatch(batch);
    this.batch = batch;
    this.observed = observed;
  }

  /** Number of tokens. */
  get nTokens(): number {
    return this.batch.ids.length;
  }

  /** Number of sequences. */
  get nSeq(): number {
    return this.batch.offsets.length - 1;
  }

  /** Makes a tensor of this forward. */
  tensor(space: Space, cols: number): GraphTensor {
    return this.adopt(new GraphTensor(space === 'tokens' ? this.nTokens : this.nSeq, cols, space));
  }

  /** Makes `x` belong to this forward. */
  adopt(x: GraphTensor): GraphTensor {
    this.#tensors.add(x);
    return x;
  }

  /** @throws Error for a tensor of another backend or of an earlier forward */
  own(x: Tensor): GraphTensor {
    if (!(x instanceof GraphTensor) || !this.#tensors.has(x)) {
      throw new Error('the tensor does not belong to the running forward');
    }
    return x;
  }

  /** @throws Error unless `b` has the shape of `a` */
  ownLike(a: GraphTensor, b: Tensor): GraphTensor {
    const x = this.own(b);
    if (a.rows !== x.rows || a.cols !== x.cols || a.space !== x.space) {
      throw new Error(`[${x.rows}, ${x.cols}] does not match [${a.rows}, ${a.cols}]`);
    }
    return x;
  }

  /**
   * Adds a step and returns its result.
   * @param name name of the result for the observer, without the layer's suffix
   */
  add(step: Step<W>, layer: number | undefined, name: string | undefined): GraphTensor {
    this.steps.push(name === undefined ? step : { ...step, name: suffixed(name, layer) });
    return this.name(step.out, layer, name);
  }

  /** Remembers `tensor` under `name` for the observer. */
  name(tensor: GraphTensor, layer: number | undefined, name: string | undefined): GraphTensor {
    if (this.observed && name !== undefined) this.#named.push({ name: suffixed(name, layer), tensor });
    return tensor;
  }

  /** The tensors named since the last call. */
  takeNamed(): readonly Named[] {
    const named = this.#named;
    this.#named = [];
    return named;
  }
}

function suffixed(name: string, layer: number | undefined): string {
  return layer === undefined ? name : `${name}-${layer}`;
}
