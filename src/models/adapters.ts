/**
 * @file LoRA adapters (Hu et al. 2021): low-rank differences of a model's matrices and tables, from GGUF files of their own.
 *
 * An adapted layer computes `W x + scale · alpha / rank · B (A x)`, where the batch gives `scale`. The weights of the model stay as they are, and a
 * batch without adapters is computed as if none were loaded.
 */
import { printable } from '../gguf/errors.ts';
import type { GgufFile } from '../gguf/index.ts';
import type { Activation, Linear, Ops, StepNames, Tensor, Weight } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import type { HyperParameters } from './hparams.ts';
import { type Allocator, type ModelShape, WeightLoader } from './weights.ts';

/** Most adapters of a model. */
export const MAX_ADAPTERS = 64;

/** What the file of an adapter says about it. */
export interface AdapterOutline {
  /** `adapter.lora.alpha`; 0 if the file has none. */
  readonly alpha: number;
  /** The largest rank of its matrices. */
  readonly rank: number;
  /** The task that it is for, `adapter.lora.task_name`. */
  readonly task?: string;
  /** What goes before each text of its task, `adapter.lora.prompt_prefix`. */
  readonly promptPrefix?: string;
}

/** The difference of one weight. */
interface Difference {
  /** A: `[nIn, rank]`, or `[rank, nRows]` for a table. */
  readonly down: Weight;
  /** B: `[rank, nOut]`. */
  readonly up: Linear;
  /** `alpha / rank`. */
  readonly factor: number;
}

/** An adapter whose weights belong to a model's. */
export interface Adapter {
  readonly outline: AdapterOutline;
  readonly differences: ReadonlyMap<Weight, Difference>;
}

/** An adapter, and the loader that fills its weights. */
export interface DeclaredAdapter {
  readonly adapter: Adapter;
  readonly loader: WeightLoader<ModelShape>;
}

/** Why a weight cannot be adapted, by the part of its name after the layer. */
const unadapted: readonly (readonly [RegExp, string])[] = [
  [/_exps\.weight$/, 'adapters of experts are not supported'],
  [/\bffn_gate_inp\.weight$/, 'adapters of the router of experts are not supported'],
  [/\battn_rel_b\.weight$/, 'adapters of a relative bias are not supported'],
];

/**
 * Declares the weights of the adapter in `file` beside those of the model that `base` has declared.
 * @throws ModelError for a file that is not a LoRA adapter of this architecture, and tensors that are unknown, alone or misshapen; each
 *   message names the file and the tensor
 */
export function declareAdapter(
  file: GgufFile,
  base: WeightLoader<HyperParameters>,
  allocator: Allocator,
): DeclaredAdapter {
  const { architecture } = base.hparams;
  const fail = (problem: string, where: { key?: string; tensor?: string } = {}) =>
    new ModelError(`adapter ${file.name}: ${problem}`, where);
  checkKind(file, architecture, fail);
  const loader = new WeightLoader(file, allocator, { architecture, nLayer: 0 });
  const alpha = file.metadata.f32('adapter.lora.alpha') ?? 0;
  if (!Number.isFinite(alpha)) throw fail(`adapter.lora.alpha is ${alpha}`, { key: 'adapter.lora.alpha' });
  const differences = new Map<Weight, Difference>();
  let largest = 0;
  for (const name of adaptedNames(file, fail)) {
    const failTensor = (problem: string) => fail(`tensor ${printable(name)} ${problem}`, { tensor: name });
    const known = base.declared(name);
    if (known === undefined) {
      if (!base.hasTensor(name)) throw failTensor('does not exist in the model: it may be for another model');
      // As in llama.cpp, the output layer of a language model does not change its vectors.
      if (name !== 'output.weight' || base.declared('rank_tokens.weight') !== undefined) {
        throw failTensor('is not used by the model as a matrix of its own, so it cannot be adapted');
      }
      loader.ignore(`${name}.lora_a`, `${name}.lora_b`);
      continue;
    }
    const reason = unadapted.find(([pattern]) => pattern.test(name))?.[1];
    if (reason !== undefined) throw failTensor(`cannot be adapted: ${reason}`);
    if (known.role !== 'matrix' && known.role !== 'table') throw failTensor('is not a matrix, so it cannot be adapted');
    const isTable = known.role === 'table';
    const [nIn, nOut = 1] = known.weight.shape;
    const [a, b] = ['lora_a', 'lora_b'].map((part) => file.tensors.get(`${name}.${part}`)!.shape);
    // Rows of token_embd are looked up in A, which is therefore stored the other way round.
    const isTurned = name === 'token_embd.weight';
    const rank = (isTurned ? a[0] : a[1]) ?? 1;
    if (rank === 0) throw failTensor('has an adapter of rank 0');
    for (const [part, shape, wanted] of [
      ['lora_a', a, isTurned ? [rank, nOut] : [nIn, rank]],
      ['lora_b', b, isTurned ? [rank, nIn] : [rank, nOut]],
    ] as const) {
      if (wanted.every((n, axis) => (shape[axis] ?? 1) === n) && shape.slice(2).every((n) => n === 1)) continue;
      throw fail(
        `tensor ${name}.${part} has the shape [${shape.join(', ')}], but ${name} of the model needs [${wanted.join(', ')}]`,
        { tensor: `${name}.${part}` },
      );
    }
    largest = Math.max(largest, rank);
    const factor = alpha === 0 ? 1 : alpha / rank;
    differences.set(known.weight, { ...declarePair(loader, name, [nIn, nOut, rank], isTable, isTurned), factor });
  }
  loader.assertAllUsed();
  const task = file.metadata.string('adapter.lora.task_name');
  const promptPrefix = file.metadata.string('adapter.lora.prompt_prefix');
  return { adapter: { outline: { alpha, rank: largest, task, promptPrefix }, differences }, loader };
}

/** A and B of one weight, in the form in which they are multiplied or looked up. */
function declarePair(
  loader: WeightLoader<ModelShape>,
  name: string,
  [nIn, nOut, rank]: readonly [number, number, number],
  isTable: boolean,
  isTurned: boolean,
): Pick<Difference, 'down' | 'up'> {
  const [a, b] = [`${name}.lora_a`, `${name}.lora_b`];
  if (isTurned) {
    return {
      down: loader.adapter(a, [rank, nOut], 'table'),
      up: { weight: loader.adapter(b, [rank, nIn], 'matrix') },
    };
  }
  if (isTable) {
    // Row r of the difference is Σ b[r][k] · a[k]: rows are looked up in B.
    return {
      down: loader.adapter(b, [rank, nOut], 'table'),
      up: { weight: loader.transposedTensor(a, rank, nIn) },
    };
  }
  return {
    down: loader.adapter(a, [nIn, rank], 'matrix'),
    up: { weight: loader.adapter(b, [rank, nOut], 'matrix') },
  };
}

type Fail = (problem: string, where?: { key?: string; tensor?: string }) => ModelError;

function checkKind({ metadata }: GgufFile, architecture: string, fail: Fail): void {
  for (const [key, expected, what] of [
    ['general.type', 'adapter', 'the file is not an adapter'],
    ['adapter.type', 'lora', 'only LoRA adapters are supported'],
    ['general.architecture', architecture, 'it is for another architecture than the model'],
  ] as const) {
    const found = metadata.string(key);
    if (found === expected) continue;
    const value = found === undefined ? 'missing' : printable(found);
    throw fail(`${what}: ${key} is ${value}, not ${expected}`, { key });
  }
  const key = 'adapter.alora.invocation_tokens';
  if (metadata.has(key)) {
    throw fail(`it is an activated LoRA (${key}), which applies from certain tokens on; this is not supported`, {
      key,
    });
  }
}

/** The names of the adapted tensors of the model, each of which has an A and a B. */
function adaptedNames({ tensors }: GgufFile, fail: Fail): Set<string> {
  const names = new Set<string>();
  for (const tensor of tensors.keys()) {
    const name = /^(.+)\.lora_[ab]$/s.exec(tensor)?.[1];
    if (name === undefined) {
      throw fail(`tensor ${printable(tensor)} is neither a .lora_a nor a .lora_b`, { tensor });
    }
    names.add(name);
  }
  for (const name of names) {
    for (const tensor of [`${name}.lora_a`, `${name}.lora_b`]) {
      if (!tensors.has(tensor)) throw fail(`tensor ${printable(tensor)} is missing`, { tensor });
    }
  }
  if (names.size === 0) throw fail('it has no tensors');
  return names;
}

/** A difference with its scale in this batch. */
interface Active extends Difference {
  readonly scaled: number;
}

/**
 * Operations that add the differences of adapters to what a model computes with `ops`.
 * @param scales of `adapters`, in their order; those of scale 0 are left out
 */
export function adapt(ops: Ops, adapters: readonly Adapter[], scales: readonly number[]): Ops {
  const active = new Map<Weight, Active[]>();
  for (const [i, { differences }] of adapters.entries()) {
    if (scales[i] === 0) continue;
    for (const [weight, difference] of differences) {
      const list = active.get(weight) ?? [];
      list.push({ ...difference, scaled: scales[i] * difference.factor });
      active.set(weight, list);
    }
  }
  const named = (x: Tensor, name: string | undefined, layer: number | undefined): Tensor =>
    name === undefined ? x : ops.columns(x, 0, x.cols, { names: { out: name }, layer });

  return {
    ...ops,
    embedding(table, index, options = {}) {
      const differences = active.get(table);
      if (differences === undefined) return ops.embedding(table, index, options);
      const { scale = 1, add, names, layer } = options;
      let y = ops.embedding(table, index, { scale, add });
      for (const { down, up, scaled } of differences) {
        y = ops.add(y, ops.linear(ops.embedding(down, index), up), { factor: scaled * scale });
      }
      return named(
        y,
        names?.out ?? (add === undefined && options.scale === undefined ? names?.rows : undefined),
        layer,
      );
    },
    linear(x, weights, options = {}) {
      const differences = active.get(weights.weight);
      if (differences === undefined) return ops.linear(x, weights, options);
      const { activation, residual, names, layer } = options;
      let y = ops.linear(x, weights);
      for (const { down, up, scaled } of differences) {
        y = ops.add(y, ops.linear(ops.linear(x, { weight: down }), up), { factor: scaled });
      }
      if (activation !== undefined) y = ops.activate(y, activation);
      if (residual !== undefined) y = ops.add(y, residual);
      return named(y, nameOfResult(names, weights, activation, residual), layer);
    },
  };
}

/** The name of the last part of a layer that is present. */
function nameOfResult(
  names: StepNames<'product' | 'biased' | 'activated'>['names'],
  { bias }: Linear,
  activation: Activation | undefined,
  residual: Tensor | undefined,
): string | undefined {
  if (names?.out !== undefined || residual !== undefined) return names?.out;
  if (activation !== undefined) return names?.activated;
  return bias === undefined ? names?.product : names?.biased;
}
