/**
 * @file The operations: each checks its arguments and records a step.
 */
import { checkBatch } from '../../tensor/batch.ts';
import type { Batch, Linear, Ops, StepNames, Tensor, Weight } from '../../tensor/ops.ts';
import { type Step, WasmTensor } from './graph.ts';
import { activationCodes, type Kernels } from './kernels.ts';
import { attend, attentionScratchBytes } from './run-attention.ts';
import { linearScratch, multiply, multiplyTogether, quantizedBytes } from './run-linear.ts';
import { moeScratch, runMoe } from './run-moe.ts';
import { runPool } from './run-pool.ts';
import { fillRopeTable, ropeKey, ropeScratch } from './run-rope.ts';
import { WasmWeight } from './weights.ts';

/** The forward that is being recorded. */
export class Recording {
  readonly batch: Batch;
  readonly steps: Step[] = [];
  readonly #tensors = new WeakSet<Tensor>();
  readonly #ropeTables = new Map<string, WasmTensor>();

  /** @throws Error when the offsets do not cover the tokens */
  constructor(batch: Batch) {
    checkBatch(batch);
    this.batch = batch;
  }

  /** Adds a step and returns its result. */
  add(step: Step): WasmTensor {
    this.steps.push(step);
    return this.adopt(step.out);
  }

  adopt(x: WasmTensor): WasmTensor {
    this.#tensors.add(x);
    return x;
  }

  /** @throws Error for a tensor of another backend or of an earlier forward */
  own(x: Tensor): WasmTensor {
    if (!(x instanceof WasmTensor) || !this.#tensors.has(x)) {
      throw new Error('this tensor does not belong to the running forward');
    }
    return x;
  }

  /** The table of cosines and sines for `key`, made by the first rope that asks. */
  ropeTable(key: string, make: () => WasmTensor): WasmTensor {
    let table = this.#ropeTables.get(key);
    if (table === undefined) this.#ropeTables.set(key, (table = make()));
    return table;
  }
}

/** @throws Error for a weight of another backend, or of another shape than `shape` */
function ownWeight(weight: Weight, ...shape: number[]): WasmWeight {
  if (!(weight instanceof WasmWeight)) throw new Error(`${weight.name} belongs to another backend`);
  if (shape.some((n, axis) => n !== (weight.shape[axis] ?? 1))) {
    throw new Error(`${weight.name} is [${weight.shape}] where [${shape}] is needed`);
  }
  return weight;
}

function sameShape(a: WasmTensor, b: WasmTensor): WasmTensor {
  if (a.rows !== b.rows || a.cols !== b.cols || a.space !== b.space) {
    throw new Error(`[${b.rows}, ${b.cols}] does not go with [${a.rows}, ${a.cols}]`);
  }
  return b;
}

/**
 * Binds the operations to whatever `recording` returns at the time of the call.
 * @param exact attention stays in float32
 */
export function bindOps(
  kernels: Kernels,
  exact: boolean,
  nRanks: () => number,
  begin: (batch: Batch) => void,
  recording: () => Recording,
  read: (x: Tensor) => Promise<Float32Array>,
): Ops {
  const like = (x: WasmTensor, cols = x.cols) => new WasmTensor(x.rows, cols, x.space);

  function linear(
    x: WasmTensor,
    { weight, bias, scale }: Linear,
    activation: number,
    residual: WasmTensor | undefined,
    names?: StepNames<never>,
  ) {
    const w = ownWeight(weight, x.cols);
    if (w.shape.length > 2) throw new Error(`${w.name} is a stack of matrices; use moe`);
    const b = bias && ownWeight(bias, w.n);
    const factor = scale && ownWeight(scale, 1);
    const out = like(x, w.n);
    if (residual !== undefined) sameShape(out, residual);
    return recording().add({
      op: 'linear',
      names,
      inputs: residual === undefined ? [x] : [x, residual],
      out,
      macs: w.k * w.n,
      product: w.products.kind,
      byRow: 'rows',
      scratch: (tokens, sequences) => linearScratch(w, x.space === 'tokens' ? tokens : sequences),
      sharedScratch: quantizedBytes(w, x.rows),
      run: (rt) => {
        const { byColumns } = rt.division;
        const rank = byColumns ? 0 : rt.rank;
        const product = {
          a: rt.address(x, rank),
          lda: rt.stride(x),
          rows: byColumns ? rt.allRows(x) : rt.rows(x),
          w,
          matrix: 0,
          bias: b?.address ?? 0,
          factor: factor === undefined ? 1 : rt.memory.f32[factor.address / 4],
          c: rt.address(out, rank),
          ldc: rt.stride(out),
          activation,
          residual: residual === undefined ? 0 : rt.address(residual, rank),
          ldr: residual === undefined ? 0 : rt.stride(residual),
          scratch: rt.scratch,
        };
        (byColumns ? multiplyTogether : multiply)(rt, product, rt.of(x));
      },
    });
  }

  return {
    begin,
    read,

    embedding(table, index, options = {}) {
      const w = ownWeight(table);
      const { batch } = recording();
      const out = new WasmTensor(batch.ids.length, w.k, 'tokens');
      const add = options.add && sameShape(out, recording().own(options.add));
      const rows = index === 'zero' ? undefined : batch[index];
      const wrong = rows?.findIndex((row) => row < 0 || row >= w.n) ?? -1;
      if (wrong >= 0) throw new Error(`${w.name} has ${w.n} rows, no row ${rows![wrong]}`);
      return recording().add({
        op: 'embedding',
        names: options,
        inputs: add === undefined ? [] : [add],
        out,
        scratch: () => (w.form === 'shelved' ? w.rowBytes : 0),
        run: (rt) => {
          const at = index === 'zero' ? 0 : rt[index];
          const type = w.form === 'vector' ? 0 : w.type.id;
          const rowBytes = w.form === 'vector' ? w.k * 4 : w.rowBytes;
          const [from, ld] = add === undefined ? [0, 0] : [rt.address(add), rt.stride(add)];
          const [to, ldTo] = [rt.address(out), rt.stride(out)];
          const { scale = 1 } = options;
          if (w.form !== 'shelved') {
            rt.kernels.embedRows({
              type,
              table: w.address,
              rowBytes,
              index: at,
              rows: rt.rows(out),
              n: w.k,
              scale,
              add: from,
              ldAdd: ld,
              y: to,
              ldy: ldTo,
              tables: w.grid,
            });
            return;
          }
          for (let r = 0; r < rt.rows(out); r++) {
            const row = rt.blocks(w, at === 0 ? 0 : rt.memory.i32[at / 4 + r], 1, rt.scratch);
            rt.kernels.embedRows({
              type,
              table: row,
              rowBytes,
              index: 0,
              rows: 1,
              n: w.k,
              scale,
              add: from + r * ld,
              ldAdd: ld,
              y: to + r * ldTo,
              ldy: ldTo,
              tables: w.grid,
            });
          }
        },
      });
    },

    linear(x, layer, options = {}) {
      const code = options.activation === undefined ? 0 : activationCodes[options.activation];
      return linear(recording().own(x), layer, code, options.residual && recording().own(options.residual), options);
    },

    norm(x, { weight, bias }, options) {
      const from = recording().own(x);
      const { kind, eps, groups = 1 } = options;
      const n = from.cols / groups;
      if (!Number.isInteger(n)) throw new Error(`norm: ${from.cols} columns in ${groups} groups`);
      const [w, b] = [ownWeight(weight, n), bias && ownWeight(bias, n)];
      const residual = options.residual && sameShape(from, recording().own(options.residual));
      const out = like(from);
      return recording().add({
        op: 'norm',
        names: options,
        byRow: 'rows',
        inputs: residual === undefined ? [from] : [from, residual],
        out,
        run: (rt) => {
          const [r, ldr] = residual === undefined ? [0, 0] : [rt.address(residual), rt.stride(residual)];
          const [a, lda, y, ldy] = [rt.address(from), rt.stride(from), rt.address(out), rt.stride(out)];
          const rms = kind === 'rms' ? 1 : 0;
          rt.kernels.normRows({
            x: a,
            ldx: lda,
            residual: r,
            ldr,
            weight: w.address,
            bias: b?.address ?? 0,
            y,
            ldy,
            rows: rt.rows(out),
            groups,
            n,
            eps,
            rms,
          });
        },
      });
    },

    rope(x, options) {
      const from = recording().own(x);
      const { nHead, nRot, kind } = options;
      const headSize = from.cols / nHead;
      if (!Number.isInteger(headSize) || nRot > headSize || nRot % 2 !== 0 || from.space !== 'tokens') {
        throw new Error(`rope: ${nRot} rotated dimensions in ${nHead} heads of ${headSize}`);
      }
      if (options.freqFactors !== undefined) ownWeight(options.freqFactors, nRot / 2);
      const table = recording().ropeTable(ropeKey(options), () => {
        const made = new WasmTensor(from.rows, nRot, 'tokens');
        return recording().add({
          op: 'rope',
          inputs: [],
          out: made,
          scratch: () => ropeScratch(nRot),
          run: (rt) => fillRopeTable(rt, made, options),
        });
      });
      const out = like(from);
      return recording().add({
        op: 'rope',
        names: options,
        byRow: 'rows',
        inputs: [from, table],
        out,
        run: (rt) => {
          const [a, lda, y, ldy] = [rt.address(from), rt.stride(from), rt.address(out), rt.stride(out)];
          const neox = kind === 'neox' ? 1 : 0;
          rt.kernels.ropeRows({
            x: a,
            ldx: lda,
            y,
            ldy,
            table: rt.address(table),
            ldt: rt.stride(table),
            rows: rt.rows(out),
            nHead,
            headSize,
            nPairs: nRot / 2,
            neox,
          });
        },
      });
    },

    attention(query, key, value, options) {
      const [q, k, v] = [query, key, value].map((x) => recording().own(x));
      const { nHead, nHeadKv } = options;
      const [headSize, headSizeV] = [q.cols / nHead, v.cols / nHeadKv];
      if (k.cols !== headSize * nHeadKv || !Number.isInteger(headSizeV) || nHead % nHeadKv !== 0) {
        throw new Error(`attention: q ${q.cols}, k ${k.cols} and v ${v.cols} wide with ${nHead} and ${nHeadKv} heads`);
      }
      if (options.relativeBias !== undefined) {
        ownWeight(options.relativeBias, nHead);
        if (options.softcap !== undefined || options.alibiMaxBias !== undefined) {
          throw new Error('attention: a relative bias goes with neither a soft cap nor ALiBi');
        }
      }
      const { offsets } = recording().batch;
      const out = new WasmTensor(q.rows, nHead * headSizeV, 'tokens');
      return recording().add({
        op: 'attention',
        names: options,
        byRow: 'query',
        inputs: [q, k, v],
        out,
        exchange: true,
        macs: attentionMacs(offsets, nHead * (headSize + headSizeV)),
        scratch: () => attentionScratchBytes(kernels, options, headSize, headSizeV, offsets, nRanks(), exact),
        run: (rt) => attend(rt, q, k, v, out, options, exact),
      });
    },

    glu(gate, up, activation, options) {
      const a = recording().own(gate);
      const b = sameShape(a, recording().own(up));
      const out = like(a);
      return recording().add({
        op: 'glu',
        names: options,
        byRow: 'rows',
        inputs: [a, b],
        out,
        run: (rt) => {
          const code = activationCodes[activation];
          rt.kernels.gluRows({
            gate: rt.address(a),
            ldg: rt.stride(a),
            up: rt.address(b),
            ldu: rt.stride(b),
            y: rt.address(out),
            ldy: rt.stride(out),
            rows: rt.rows(out),
            cols: out.cols,
            activation: code,
          });
        },
      });
    },

    moe(x, options) {
      const from = recording().own(x);
      const [nExpert, nFf] = [options.router.shape[1] ?? 1, options.up.shape[1] ?? 1];
      ownWeight(options.router, from.cols, nExpert);
      ownWeight(options.up, from.cols, nFf, nExpert);
      if (options.gate !== undefined) ownWeight(options.gate, from.cols, nFf, nExpert);
      ownWeight(options.down, nFf, from.cols, nExpert);
      if (!(options.nUsed >= 1 && options.nUsed <= nExpert))
        throw new Error(`moe: ${options.nUsed} of ${nExpert} experts`);
      const out = like(from);
      return recording().add({
        op: 'moe',
        names: options,
        byRow: 'rows',
        inputs: [from],
        out,
        macs: from.cols * (nExpert + options.nUsed * nFf * (options.gate === undefined ? 2 : 3)),
        scratch: (tokens, sequences) => moeScratch(options, from.cols, from.space === 'tokens' ? tokens : sequences),
        run: (rt) => runMoe(rt, from, out, options),
      });
    },

    add(a, b, options) {
      const x = recording().own(a);
      const y = sameShape(x, recording().own(b));
      const out = like(x);
      return recording().add({
        op: 'add',
        names: options,
        byRow: 'rows',
        inputs: [x, y],
        out,
        run: (rt) => {
          rt.kernels.addRows({
            a: rt.address(x),
            lda: rt.stride(x),
            b: rt.address(y),
            ldb: rt.stride(y),
            y: rt.address(out),
            ldy: rt.stride(out),
            rows: rt.rows(out),
            cols: out.cols,
          });
        },
      });
    },

    activate(x, activation, options) {
      const from = recording().own(x);
      const out = like(from);
      return recording().add({
        op: 'activate',
        names: options,
        byRow: 'rows',
        inputs: [from],
        out,
        run: (rt) => {
          const code = activationCodes[activation];
          rt.kernels.activateRows({
            x: rt.address(from),
            ldx: rt.stride(from),
            y: rt.address(out),
            ldy: rt.stride(out),
            rows: rt.rows(out),
            cols: out.cols,
            activation: code,
          });
        },
      });
    },

    softmax(x, options) {
      const from = recording().own(x);
      const out = like(from);
      return recording().add({
        op: 'softmax',
        names: options,
        byRow: 'rows',
        inputs: [from],
        out,
        run: (rt) => {
          rt.kernels.softmaxRows({
            x: rt.address(from),
            ldx: rt.stride(from),
            y: rt.address(out),
            ldy: rt.stride(out),
            rows: rt.rows(out),
            n: out.cols,
          });
        },
      });
    },

    columns(x, start, n) {
      const whole = recording().own(x);
      if (!(start >= 0 && n > 0 && start + n <= whole.cols)) {
        throw new Error(`no columns [${start}, ${start + n}) in a matrix ${whole.cols} wide`);
      }
      return recording().adopt(new WasmTensor(whole.rows, n, whole.space, whole, start));
    },

    pool(x, kind, options) {
      const from = recording().own(x);
      if (kind === 'none') return from;
      if (from.space !== 'tokens') throw new Error('pool: these rows are sequences already');
      const out = new WasmTensor(recording().batch.offsets.length - 1, from.cols, 'sequences');
      return recording().add({
        op: 'pool',
        names: options,
        pool: kind,
        inputs: [from],
        out,
        exchange: kind !== 'cls',
        run: (rt) => runPool(rt, from, out, kind),
      });
    },
  };
}

/** Mean multiply-adds of a token. */
function attentionMacs(offsets: Int32Array, perKey: number): number {
  let squares = 0;
  for (let s = 0; s + 1 < offsets.length; s++) squares += (offsets[s + 1] - offsets[s]) ** 2;
  return (squares / offsets[offsets.length - 1]) * perKey;
}
