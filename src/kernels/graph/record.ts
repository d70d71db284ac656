/**
 * @file The operations of the backends that plan a whole forward: arguments are checked, steps are recorded as data, and `read` passes them
 * on.
 */

import type { Batch } from '../../tensor/batch.ts';
import { checkGivenColumns, checkTableRows, rowsOfEach, spansOf } from '../../tensor/batch-rows.ts';
import type { AttentionOptions, Linear, Ops, Tensor, Weight } from '../../tensor/ops.ts';
import { Recording } from './recording.ts';
import { GraphTensor } from './tensor.ts';

/** What the recorder needs from its backend. */
export interface Host<W extends Weight> {
  /** @throws Error for a weight of another backend */
  own(weight: Weight): W;
  /** Called when a forward begins. @returns whether an observer will look at its steps */
  begin(): boolean;
  /** Computes `target`. */
  read(recording: Recording<W>, target: GraphTensor): Promise<Float32Array>;
}

/** Records forwards, one after the other. */
export class Recorder<W extends Weight> {
  readonly ops: Ops;
  readonly #host: Host<W>;
  #recording: Recording<W> | undefined;

  constructor(host: Host<W>) {
    this.#host = host;
    this.ops = this.#bind();
  }

  /** Ends the running forward. */
  forget(): void {
    this.#recording = undefined;
  }

  /** Records the forward over `batch` whose result `forward` makes with `ops`. */
  record(batch: Batch, forward: () => Tensor): { readonly recording: Recording<W>; readonly target: GraphTensor } {
    this.ops.begin(batch);
    const target = this.#current.own(forward());
    return { recording: this.#current, target };
  }

  get #current(): Recording<W> {
    if (this.#recording === undefined) throw new Error('call begin() before any other operation');
    return this.#recording;
  }

  /** @throws Error for a weight of another backend, or of another shape than `shape` */
  #weight(weight: Weight, ...shape: number[]): W {
    const own = this.#host.own(weight);
    if (shape.some((n, axis) => n !== (weight.shape[axis] ?? 1))) {
      throw new Error(`${weight.name} has shape [${weight.shape}]; the operation needs [${shape}]`);
    }
    return own;
  }

  #vector(weight: Weight | undefined, n: number): W | undefined {
    return weight && this.#weight(weight, n);
  }

  #linear(x: GraphTensor, { weight, bias, scale }: Linear, options: Parameters<Ops['linear']>[2] = {}): GraphTensor {
    const nOut = weight.shape[1] ?? 1;
    const w = this.#weight(weight, x.cols);
    if (weight.shape.length > 2) throw new Error(`${weight.name} is a stack of matrices; use moe`);
    const [b, s] = [this.#vector(bias, nOut), this.#vector(scale, 1)];
    const { activation, residual, names } = options;
    const recording = this.#current;
    const out = recording.tensor(x.space, nOut);
    const inputs = residual === undefined ? [x] : [x, recording.ownLike(out, residual)];
    // The result takes the name of the last part that is present.
    const last = residual !== undefined ? undefined : activation !== undefined ? 'activated' : b ? 'biased' : 'product';
    const parts = [{ weight: w, bias: b, scale: s }];
    const step = { op: 'linear', inputs, out, parts, activation } as const;
    return recording.add(step, options.layer, names?.out ?? (last && names?.[last]));
  }

  /** @param width of the queries */
  #checkDisentangled(options: AttentionOptions, width: number): void {
    const {
      nHead,
      nHeadKv,
      disentangled,
      causal = false,
      relativeBias,
      softcap,
      alibiMaxBias,
      window,
      within,
    } = options;
    if (disentangled === undefined) return;
    const { keys, queries, nRows } = disentangled;
    for (const table of [keys, queries]) if (table !== undefined) this.#weight(table, width, nRows);
    const others = [relativeBias, softcap, alibiMaxBias, window, within];
    if (nHead !== nHeadKv || causal || others.some((other) => other !== undefined)) {
      throw new Error('attention: rows for distances need equal heads, and no mask, soft cap or other bias');
    }
  }

  #bind(): Ops {
    const own = (x: Tensor) => this.#current.own(x);
    return {
      begin: (batch) => {
        const observed = this.#host.begin();
        this.#recording = new Recording(batch, observed);
      },

      embedding: (table, index, options = {}) => {
        const recording = this.#current;
        const { scale = 1, add, names, layer } = options;
        const weight = this.#weight(table);
        const [cols = 1] = table.shape;
        checkTableRows(table, index, recording.batch);
        const out = recording.tensor('tokens', cols);
        const inputs = add === undefined ? [] : [recording.ownLike(out, add)];
        const plain = add === undefined && options.scale === undefined ? names?.rows : undefined;
        return recording.add({ op: 'embedding', inputs, out, table: weight, index, scale }, layer, names?.out ?? plain);
      },

      linear: (x, layer, options) => this.#linear(own(x), layer, options),

      norm: (input, { weight, bias }, options) => {
        const x = own(input);
        const { kind, eps, residual, groups = 1, names } = options;
        const n = x.cols / groups;
        if (!Number.isInteger(n)) throw new Error(`norm: ${x.cols} columns cannot be divided into ${groups} groups`);
        const inputs = residual === undefined ? [x] : [x, this.#current.ownLike(x, residual)];
        const [w, b] = [this.#weight(weight, n), this.#vector(bias, n)];
        const name = names?.out ?? (bias === undefined ? names?.scaled : undefined);
        const out = this.#current.tensor(x.space, x.cols);
        const hasResidual = residual !== undefined;
        const step = { op: 'norm', inputs, out, weight: w, bias: b, kind, eps, groups, hasResidual } as const;
        return this.#current.add(step, options.layer, name);
      },

      rope: (input, options) => {
        const x = own(input);
        const { nHead, nRot, freqFactors } = options;
        const headSize = x.cols / nHead;
        if (!Number.isInteger(headSize) || nRot > headSize || nRot % 2 !== 0 || x.space !== 'tokens') {
          throw new Error(`rope: ${nRot} rotated dimensions in ${nHead} heads of ${headSize}`);
        }
        this.#vector(freqFactors, nRot / 2);
        const out = this.#current.tensor(x.space, x.cols);
        return this.#current.add({ op: 'rope', inputs: [x], out, options }, options.layer, options.names?.out);
      },

      attention: (query, key, value, options) => {
        const [q, k, v] = [own(query), own(key), own(value)];
        const { nHead, nHeadKv, relativeBias, softcap, alibiMaxBias } = options;
        const [headSize, headSizeV] = [q.cols / nHead, v.cols / nHeadKv];
        if (k.cols !== headSize * nHeadKv || !Number.isInteger(headSizeV) || nHead % nHeadKv !== 0) {
          const widths = `q ${q.cols}, k ${k.cols} and v ${v.cols} wide`;
          throw new Error(`attention: ${widths} with ${nHead} and ${nHeadKv} heads`);
        }
        if (relativeBias !== undefined) {
          this.#weight(relativeBias, nHead);
          if (softcap !== undefined || alibiMaxBias !== undefined) {
            throw new Error('attention: a relative bias cannot be combined with a soft cap or ALiBi');
          }
        }
        this.#checkDisentangled(options, q.cols);
        spansOf(this.#current.batch, options);
        const out = this.#current.tensor(q.space, nHead * headSizeV);
        const step = { op: 'attention', inputs: [q, k, v], out, options } as const;
        return this.#current.add(step, options.layer, options.names?.out);
      },

      shortConv: (input, kernel, options) => {
        const x = own(input);
        const [nTaps = 1, n = 1] = kernel.shape;
        if (x.cols !== 3 * n || x.space !== 'tokens') {
          throw new Error(`shortConv: [${x.rows}, ${x.cols}] with a kernel of [${nTaps}, ${n}]`);
        }
        const out = this.#current.tensor(x.space, n);
        const step = { op: 'shortConv', inputs: [x], out, kernel: this.#weight(kernel, nTaps, n) } as const;
        return this.#current.add({ ...step, causal: options.causal }, options.layer, options.names?.out);
      },

      unfold: (input, size, options) => {
        const x = own(input);
        if (x.space !== 'tokens' || !(Number.isInteger(size) && size > 0)) {
          throw new Error(`unfold: ${size} rows around each of ${x.rows} ${x.space}`);
        }
        const out = this.#current.tensor(x.space, size * x.cols);
        return this.#current.add({ op: 'unfold', inputs: [x], out, size }, options?.layer, options?.names?.out);
      },

      glu: (gate, up, activation, options) => {
        const a = own(gate);
        const inputs = [a, this.#current.ownLike(a, up)];
        const out = this.#current.tensor(a.space, a.cols);
        return this.#current.add({ op: 'glu', inputs, out, activation }, options?.layer, options?.names?.out);
      },

      moe: (input, options) => {
        const x = own(input);
        const { router, up, gate, down, nUsed } = options;
        const [nExpert, nFf] = [router.shape[1] ?? 1, up.shape[1] ?? 1];
        this.#weight(router, x.cols, nExpert);
        for (const weight of [up, gate]) if (weight !== undefined) this.#weight(weight, x.cols, nFf, nExpert);
        this.#weight(down, nFf, x.cols, nExpert);
        if (!(nUsed >= 1 && nUsed <= nExpert)) throw new Error(`moe: ${nUsed} of ${nExpert} experts`);
        const out = this.#current.tensor(x.space, x.cols);
        return this.#current.add({ op: 'moe', inputs: [x], out, options }, options.layer, options.names?.out);
      },

      add: (first, second, options) => {
        const a = own(first);
        const inputs = [a, this.#current.ownLike(a, second)];
        const out = this.#current.tensor(a.space, a.cols);
        const step = { op: 'add', inputs, out, factor: options?.factor } as const;
        return this.#current.add(step, options?.layer, options?.names?.out);
      },

      activate: (input, activation, options) => {
        const x = own(input);
        const out = this.#current.tensor(x.space, x.cols);
        const step = { op: 'activate', inputs: [x], out, activation } as const;
        return this.#current.add(step, options?.layer, options?.names?.out);
      },

      softmax: (input, options) => {
        const x = own(input);
        const out = this.#current.tensor(x.space, x.cols);
        return this.#current.add({ op: 'softmax', inputs: [x], out }, options?.layer, options?.names?.out);
      },

      columns: (input, start, n, options) => {
        const x = own(input);
        if (!(start >= 0 && n > 0 && start + n <= x.cols)) {
          throw new Error(`columns [${start}, ${start + n}) do not exist in a matrix of width ${x.cols}`);
        }
        const view = this.#current.adopt(new GraphTensor(x.rows, n, x.space, x, start));
        return this.#current.name(view, options?.layer, options?.names?.out);
      },

      given: (start, n, options = {}) => {
        const recording = this.#current;
        const { given } = recording.batch;
        const { instead, add, layer, names } = options;
        const other = instead ?? add;
        if (given === undefined) {
          if (other === undefined) throw new Error('the batch has no given rows');
          return own(other);
        }
        checkGivenColumns(given, start, n, other !== undefined);
        const out = recording.tensor('tokens', n);
        const inputs = other === undefined ? [] : [recording.ownLike(out, other)];
        return recording.add({ op: 'given', inputs, out, start, isAdded: add !== undefined }, layer, names?.out);
      },

      concat: (parts, options) => {
        const inputs = parts.map(own);
        const [{ rows, space }] = inputs;
        if (inputs.some((x) => x.space !== space))
          throw new Error(`concat: rows of tokens cannot be put beside ${rows} rows of sequences`);
        const out = this.#current.tensor(
          space,
          inputs.reduce((sum, { cols }) => sum + cols, 0),
        );
        return this.#current.add({ op: 'concat', inputs, out }, options?.layer, options?.names?.out);
      },

      pool: (input, kind, options) => {
        const x = own(input);
        const recording = this.#current;
        const { layer, names } = options ?? {};
        if (kind === 'none') return recording.name(x, layer, names?.out);
        if (x.space !== 'tokens') throw new Error('pool: these rows are already sequences');
        const out = recording.tensor('sequences', kind === 'concat' ? x.cols * rowsOfEach(recording.batch) : x.cols);
        const isLate = recording.batch.poolFrom !== undefined;
        return recording.add({ op: 'pool', kind, isLate, inputs: [x], out }, layer, names?.out);
      },

      read: async (x) => this.#host.read(this.#current, own(x)),
    };
  }
}
