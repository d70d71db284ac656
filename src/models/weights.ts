/**
 * @file Declares the weights of a model by the names and shapes that the file must have, then fills them.
 *
 * Declaring allocates: the same file gives the same allocations in the same order, so that every worker of a shared
 * memory makes the same handles and fills its share of them.
 */
import { printable } from '../gguf/errors.ts';
import type { GgufFile } from '../gguf/index.ts';
import type { Backend, WeightRole, WeightSource } from '../tensor/backend.ts';
import type { Linear, NormWeights, Weight } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import { bytesOf, type DeclaredWeight, type FillOptions, fillWeights } from './fill-weights.ts';
import type { HyperParameters } from './hparams.ts';
import { Keys } from './keys.ts';
import { describeSizes } from './size-keys.ts';
import { joined, partOf, someRows, sourceOf, transposed } from './weight-sources.ts';

/** Whether a weight has a bias; `ignored`: the file may have one, but llama.cpp's graph does not use it. */
export type BiasRule = 'required' | 'optional' | 'none' | 'ignored';

/** Creates the handles of weights. */
export type Allocator = Pick<Backend, 'allocate'>;

/** Only names a weight. */
export const outlines: Allocator = { allocate: ({ name, type, shape }) => ({ name, type, shape }) };

/** What the loader needs to know about a model. */
export interface ModelShape {
  /** Prefix of the metadata keys; messages name it. */
  readonly architecture: string;
  readonly nLayer: number;
}

/** Provides weights to an architecture's `build` and tracks which tensors of the file are used. */
export class WeightLoader<H extends ModelShape = HyperParameters> {
  readonly hparams: H;
  /** The architecture's own metadata keys. */
  readonly keys: Keys;
  readonly #allocator: Allocator;
  readonly #file: GgufFile;
  readonly #unused: Set<string>;
  readonly #declared: DeclaredWeight[] = [];

  constructor(file: GgufFile, allocator: Allocator, hparams: H) {
    this.#file = file;
    this.#allocator = allocator;
    this.#unused = new Set(file.tensors.keys());
    this.hparams = hparams;
    this.keys = new Keys(file.metadata, hparams.architecture);
  }

  /** Bytes of all weights declared so far. */
  get byteLength(): number {
    return bytesOf(this.#declared);
  }

  /** All weights declared so far, in order. */
  get weights(): readonly Weight[] {
    return this.#declared.map(({ weight }) => weight);
  }

  /** The weight of the tensor `name`, and its use; `undefined` if nothing has declared it. */
  declared(name: string): { readonly weight: Weight; readonly role: WeightRole } | undefined {
    return this.#declared.find(({ weight, source }) => weight.name === name && source.name === name);
  }

  /** Whether the file has a tensor of this whole name. */
  hasTensor(name: string): boolean {
    return this.#file.tensors.has(name);
  }

  /** Whether the file has `<name>.weight`. */
  has(name: string): boolean {
    return this.#file.tensors.has(`${name}.weight`);
  }

  /** Length of axis `axis` of `<name>.weight`, or `undefined` if the tensor is missing. */
  dimension(name: string, axis: number): number | undefined {
    const info = this.#file.tensors.get(`${name}.weight`);
    return info && (info.shape[axis] ?? 1);
  }

  /** An error about a tensor; `problem` completes the sentence that begins with its name. */
  error(tensor: string, problem: string): ModelError {
    return new ModelError(`tensor ${tensor} ${problem}`, { tensor });
  }

  /** Calls `declare(name)` if the file has `<name>.weight`, or a bias that needs it. */
  optional<T>(name: string, declare: (name: string) => T): T | undefined {
    return this.has(name) || this.#file.tensors.has(`${name}.bias`) ? declare(name) : undefined;
  }

  /** `<name>.weight` `[nEmbd, nRows]`, for `Ops.embedding`. */
  table(name: string, nEmbd: number, nRows: number): Weight {
    return this.#tensor(`${name}.weight`, [nEmbd, nRows], 'table');
  }

  /** `<name>.weight` `[n]`. */
  vector(name: string, n: number): Weight {
    return this.#tensor(`${name}.weight`, [n], 'vector');
  }

  /** `<name>.weight` `[nTaps, n]`: the kernel of a short convolution, one of each column. */
  taps(name: string, nTaps: number, n: number): Weight {
    return this.#tensor(`${name}.weight`, [nTaps, n], 'vector');
  }

  /** `<name>.weight` `[nEmbd, nRows]`, whose rows attention reads by distance. */
  distances(name: string, nEmbd: number, nRows: number): Weight {
    return this.#tensor(`${name}.weight`, [nEmbd, nRows], 'vector');
  }

  /** `<name>.weight` `[nIn, nOut, nExpert]`. */
  experts(name: string, nIn: number, nOut: number, nExpert: number): Weight {
    return this.#tensor(`${name}.weight`, [nIn, nOut, nExpert], 'experts');
  }

  /** `<name>.weight` `[n]` without a bias: an RMS norm, or a layer norm without bias. */
  norm(name: string, n: number): NormWeights {
    return { weight: this.vector(name, n) };
  }

  /** `<name>.weight` and `<name>.bias`, both `[n]`. */
  layerNorm(name: string, n: number): NormWeights {
    return { weight: this.vector(name, n), bias: this.#tensor(`${name}.bias`, [n], 'vector') };
  }

  /** `<name>.weight` `[nIn, nOut]` with `<name>.bias` `[nOut]`, and the factor `<name>.scale` that NVFP4 files have. */
  linear(name: string, nIn: number, nOut: number, bias: BiasRule = 'optional'): Linear {
    const layer = {
      weight: this.matrix(name, nIn, nOut),
      bias: this.bias(name, nOut, bias),
      scale: this.#scale(name),
    };
    if (layer.scale !== undefined && layer.bias !== undefined && /ffn_[a-z]+$/.test(name)) {
      const message = `tensors ${name}.scale and ${name}.bias: a feed-forward layer cannot have both, as in llama.cpp`;
      throw new ModelError(message, { tensor: `${name}.scale` });
    }
    return layer;
  }

  /** `<name>.weight` `[nIn, nOut]` alone. */
  matrix(name: string, nIn: number, nOut: number): Weight {
    return this.#tensor(`${name}.weight`, [nIn, nOut], 'matrix');
  }

  /** `<name>.weight` `[nIn, nExpert]`, which chooses experts. */
  router(name: string, nIn: number, nExpert: number): Weight {
    return this.#tensor(`${name}.weight`, [nIn, nExpert], 'router');
  }

  /** The tensor of this whole name, with the shape that the file gives it. */
  adapter(tensor: string, shape: readonly number[], role: 'matrix' | 'table'): Weight {
    return this.#tensor(tensor, shape, role);
  }

  /**
   * Some rows of `<name>.weight` `[nIn, nOut]` as a matrix `[nIn, ids.length]`.
   * @param as name of the new matrix, without `.weight`
   */
  rows(name: string, nIn: number, nOut: number, ids: readonly number[], as: string): Weight {
    return this.#allocate(someRows(this.#source(`${name}.weight`, [nIn, nOut]), ids, `${as}.weight`), 'matrix');
  }

  /**
   * The outputs [from, from + n) of a layer `[nIn, nOut]` whose matrix and bias have different names in the file.
   * @param as name of the new layer
   */
  part(
    { matrix, bias, nIn, nOut }: { matrix: string; bias: string; nIn: number; nOut: number },
    from: number,
    n: number,
    as: string,
  ): Linear {
    const rows = partOf(this.#source(`${matrix}.weight`, [nIn, nOut]), from, n, `${as}.weight`);
    const values = partOf(this.#source(`${bias}.bias`, [nOut]), from, n, `${as}.bias`);
    return { weight: this.#allocate(rows, 'matrix'), bias: this.#allocate(values, 'vector') };
  }

  /**
   * The kernel of a convolution whose patches do not overlap, as the matrix that multiplies a patch: `[width · height · channels, nOut]`.
   * @param name whole name of the tensor `[width, height, channels, nOut]`
   */
  kernel(name: string, width: number, height: number, channels: number, nOut: number): Weight {
    const source = this.#source(name, [width, height, channels, nOut]);
    return this.#allocate({ ...source, shape: [width * height * channels, nOut] }, 'matrix');
  }

  /** `<name>.weight`, which has the shape `[nOut, nIn]` in the file, as a matrix `[nIn, nOut]` of float32. */
  transposed(name: string, nIn: number, nOut: number): Weight {
    return this.transposedTensor(`${name}.weight`, nIn, nOut);
  }

  /** As `transposed`, for a tensor by its whole name. */
  transposedTensor(tensor: string, nIn: number, nOut: number): Weight {
    return this.#allocate(transposed(this.#source(tensor, [nOut, nIn])), 'matrix');
  }

  /** `<name>.bias` `[n]`, if `rule` allows one. */
  bias(name: string, n: number, rule: BiasRule): Weight | undefined {
    if (rule === 'ignored') this.ignore(`${name}.bias`);
    if (rule !== 'required' && (rule !== 'optional' || !this.#file.tensors.has(`${name}.bias`))) return undefined;
    return this.#tensor(`${name}.bias`, [n], 'vector');
  }

  /**
   * Concatenates several biases to one vector `[Σ sizes]`, for a fused product whose biases are separate in the file.
   * `undefined` unless the file has all of them.
   * @param parts name (without `.bias`) and size of each
   */
  joinedBias(name: string, parts: readonly (readonly [name: string, n: number])[]): Weight | undefined {
    if (!parts.every(([part]) => this.#file.tensors.has(`${part}.bias`))) return undefined;
    const sources = parts.map(([part, n]) => this.#source(`${part}.bias`, [n]));
    if (sources.some(({ type }) => type.name !== 'F32')) {
      throw new ModelError(`${parts.map(([part]) => `${part}.bias`).join(', ')} must be F32 to be used as one bias`);
    }
    return this.#allocate(joined(`${name}.bias`, sources), 'vector');
  }

  /** One value for each layer, from `declare(blk.N, N)`. */
  layers<T>(declare: (blk: string, layer: number) => T, prefix = 'blk'): T[] {
    return Array.from({ length: this.hparams.nLayer }, (_, layer) => declare(`${prefix}.${layer}`, layer));
  }

  /** Marks tensors that embeddings do not need (a language model's head), so that they are not read. */
  ignore(...names: string[]): void {
    for (const name of names) this.#unused.delete(name);
  }

  /**
   * Checks that every tensor of the file is declared. An undeclared tensor is a part of the model that nothing computes.
   * @throws ModelError that names the undeclared tensors
   */
  assertAllUsed(): void {
    if (this.#unused.size === 0) return;
    const names = [...this.#unused];
    const shown =
      names.slice(0, 5).map(printable).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
    const { architecture } = this.hparams;
    throw new ModelError(
      `unexpected tensors: the file has ${this.#file.tensors.size}, of which ${architecture} does not use ${names.length}: ${shown}`,
      { tensor: names[0] },
    );
  }

  /** Reads the data of all declared weights, as `fillWeights` says. */
  async fill(backend: Pick<Backend, 'fill' | 'fillPart'>, options: FillOptions = {}): Promise<void> {
    await fillWeights(this.#declared, backend, options);
  }

  #scale(name: string): Weight | undefined {
    this.ignore(`${name}.input_scale`);
    if (!this.#file.tensors.has(`${name}.scale`)) return undefined;
    return this.#tensor(`${name}.scale`, [1], 'vector');
  }

  #tensor(name: string, shape: readonly number[], role: WeightRole): Weight {
    return this.#allocate(this.#source(name, shape), role);
  }

  #allocate(source: WeightSource, role: WeightRole): Weight {
    const weight = this.#allocator.allocate(source, role);
    this.#declared.push({ weight, source, role });
    return weight;
  }

  /** @throws ModelError if the tensor is missing, or has another shape or a type that cannot hold weights */
  #source(name: string, shape: readonly number[]): WeightSource {
    const { architecture } = this.hparams;
    const needed = () => `[${shape.join(', ')}] (${describeSizes(name, this.keys)})`;
    const info = this.#file.tensors.get(name);
    if (shape.includes(0)) {
      const message = `tensor ${name} would have the shape [${shape.join(', ')}]: a size in the metadata is 0 or missing (${describeSizes(name, this.keys)})`;
      throw new ModelError(message, { tensor: name });
    }
    if (info === undefined) {
      const message = `tensor ${name} is missing: ${architecture} needs it with the shape ${needed()}`;
      throw new ModelError(message, { tensor: name });
    }
    if (!sameShape(info.shape, shape)) {
      const message = `tensor ${name} has the shape [${info.shape.join(', ')}], but ${architecture} needs ${needed()}`;
      throw new ModelError(message, { tensor: name });
    }
    this.#unused.delete(name);
    return sourceOf(this.#file, info, shape);
  }
}

/** Compares shapes; missing trailing dimensions count as 1. */
function sameShape(a: readonly number[], b: readonly number[]): boolean {
  for (let axis = 0; axis < Math.max(a.length, b.length); axis++) {
    if ((a[axis] ?? 1) !== (b[axis] ?? 1)) return false;
  }
  return true;
}
