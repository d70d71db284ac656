/**
 * @file Weights in GPU memory: allocated by shape, filled from the file, freed at the end.
 *
 * A matrix is stored in the layout of its type's loader, beside others (`shared-buffers.ts`). If it is larger than a binding, it is cut by
 * rows into parts. Small vectors are in the pool (`vectors.ts`).
 */
import { type GgmlType, ggmlTypes, rowBytes } from '../../gguf/ggml-types.ts';
import { nElements } from '../../gguf/shape.ts';
import type { WeightRole, WeightSource } from '../../tensor/backend.ts';
import { codecs, iqGrid } from '../../tensor/codecs/index.ts';
import type { Weight } from '../../tensor/ops.ts';
import type { Device } from './device.ts';
import { GpuError } from './errors.ts';
import { Expander } from './expander.ts';
import { usage } from './gpu.ts';
import { type Loader, loaders } from './loaders/index.ts';
import type { Pipelines } from './pipelines.ts';
import { type BufferPlace, SharedBuffers, sharedRows } from './shared-buffers.ts';
import type { Bound } from './tensor.ts';
import { bodiesAndHeads, expandedToF32, paddedRows } from './upload.ts';
import type { Vectors } from './vectors.ts';

/** Bytes of the file that are read and uploaded at a time. */
const sliceBytes = 4 * 1024 * 1024;
/** A table of at most this many values is also stored in the vector pool, where kernels read it by value (T5's relative bias). */
const smallTable = 65536;

/** Rows `[firstRow, firstRow + nRows)` of a matrix, from row `bufferRow` of its buffer on. */
export interface Part extends Bound {
  readonly firstRow: number;
  readonly nRows: number;
  readonly bufferRow: number;
}

/** The buffers of one binding group. */
interface Buffers extends Bound {
  readonly body: GPUBuffer;
  readonly head: GPUBuffer | undefined;
}

/** A weight on the GPU. */
export class GpuWeight implements Weight {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  /** Values in a row. */
  readonly rowLength: number;
  /** Rows of all matrices of a stack together. */
  readonly nRows: number;
  /** How shaders read it, for a matrix. */
  readonly loader: Loader | undefined;
  /** Its offset in the vector pool, for a small weight. */
  readonly vector: number | undefined;
  /** Filled by `Weights.fill`. */
  parts: readonly Part[] = [];
  /** Its position, if it shares a buffer. */
  place: BufferPlace<Buffers> | undefined;

  constructor(source: WeightSource, loader: Loader | undefined, vector: number | undefined) {
    this.name = source.name;
    this.type = source.type;
    this.shape = source.shape;
    const [rowLength = 1, ...outer] = source.shape;
    this.rowLength = rowLength;
    this.nRows = nElements(outer);
    this.loader = loader;
    this.vector = vector;
    if (rowBytes(source.type, rowLength) * this.nRows !== source.byteLength) {
      throw new GpuError(
        `${source.name}: [${source.shape}] ${source.type.name} cannot have ${source.byteLength} bytes`,
      );
    }
  }

  /** Bytes of the blocks of one row. For types without blocks, the last block is padded with zeros. */
  get blocksPerRow(): number {
    return Math.ceil(this.rowLength / this.loader!.blockSize);
  }

  /** Whether the rows of `other` follow directly in the same buffer. */
  precedes(other: GpuWeight): boolean {
    if (this.place === undefined || this.place.shared !== other.place?.shared) return false;
    return this.place.row + this.nRows === other.place.row;
  }

  /** Values of the weight. */
  get size(): number {
    return this.rowLength * this.nRows;
  }
}

/** Whether weights of a type are expanded to f16, by what they are for. */
type Expands = (loader: Loader, role: WeightRole) => boolean;

/** Allocates, fills and describes weights. */
export class Weights {
  readonly #device: Device;
  readonly #pipelines: Pipelines;
  readonly #vectors: Vectors;
  readonly #asF16: Expands;
  readonly #expander: Expander;
  readonly #shared = new SharedBuffers<Buffers>();
  readonly #grids = new Map<string, GPUBuffer>();
  /** Bytes reserved for weights that are not filled yet. */
  #promised = 0;

  constructor(device: Device, pipelines: Pipelines, vectors: Vectors, asF16: Expands) {
    this.#device = device;
    this.#pipelines = pipelines;
    this.#vectors = vectors;
    this.#asF16 = asF16;
    this.#expander = new Expander(device, pipelines);
  }

  /** Makes the handle; see `Backend.allocate`. @throws GpuOutOfMemoryError when it exceeds the budget */
  allocate(source: WeightSource, role: WeightRole): GpuWeight {
    const size = nElements(source.shape);
    const pooled = role === 'vector' || (role === 'table' && size <= smallTable);
    const vector = pooled ? this.#vectors.reserve(size) : undefined;
    const weight = new GpuWeight(source, role === 'vector' ? undefined : this.#loader(source.type, role), vector);
    if (weight.loader !== undefined) {
      const most = this.#rowsPerPart(weight);
      const isShared = role === 'matrix' && sharedRows(weight.nRows) <= most;
      const rows = isShared ? sharedRows(weight.nRows) : weight.nRows;
      const bytes = gpuBytes(weight, rows);
      this.#device.assertFits(source.name, this.#promised + bytes);
      this.#promised += bytes;
      if (isShared) weight.place = this.#shared.take(weight.loader, weight.rowLength, weight.nRows, most);
    }
    return weight;
  }

  /** Uploads the data; see `Backend.fill`. @throws GpuOutOfMemoryError */
  async fill(weight: GpuWeight, source: WeightSource): Promise<void> {
    if (weight.vector !== undefined) {
      const bytes = new Uint8Array(source.byteLength);
      await source.read(0, bytes);
      const values = new Float32Array(weight.size);
      codecs[weight.type.name].dequantize(bytes, values, weight.size);
      this.#vectors.set(weight.vector, values);
    }
    if (weight.loader === undefined) return;
    const { place, nRows } = weight;
    if (place !== undefined) {
      const buffers = await this.#shared.buffers(place.shared, () => this.#buffers(weight, place.shared.rows));
      const part = { firstRow: 0, nRows, bufferRow: place.row, group: buffers.group };
      await this.#upload(weight, weight.loader, source, part, buffers);
      weight.parts = [part];
      return;
    }
    const parts: Part[] = [];
    const most = this.#rowsPerPart(weight);
    for (let firstRow = 0; firstRow < nRows; firstRow += most) {
      const rows = Math.min(most, nRows - firstRow);
      const buffers = await this.#buffers(weight, rows);
      const part = { firstRow, nRows: rows, bufferRow: 0, group: buffers.group };
      await this.#upload(weight, weight.loader, source, part, buffers);
      parts.push(part);
    }
    weight.parts = parts;
  }

  /** Buffers for `rows` rows in the form of `weight`. */
  async #buffers(weight: GpuWeight, rows: number): Promise<Buffers> {
    const { name } = weight;
    const loader = weight.loader!;
    this.#promised -= gpuBytes(weight, rows);
    const blocks = rows * weight.blocksPerRow;
    const flags = usage.storage | usage.copyDst;
    const body = await this.#device.buffer(name, blocks * loader.bodyBytes, flags);
    const head = loader.headBytes > 0 ? await this.#device.buffer(name, blocks * loader.headBytes, flags) : undefined;
    const grid = loader.grid === undefined ? undefined : await this.#grid(loader.grid);
    const buffers = [body, head, grid].filter((buffer) => buffer !== undefined);
    const group = this.#device.gpu.createBindGroup({
      label: name,
      layout: this.#pipelines.weights(buffers.length),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    return { body, head, group };
  }

  /** Copies the rows of `part` from the file to their position in `buffers`. */
  async #upload(
    weight: GpuWeight,
    loader: Loader,
    source: WeightSource,
    { firstRow, nRows, bufferRow }: Part,
    { body, head }: Buffers,
  ): Promise<void> {
    const { queue } = this.#device.gpu;
    const fileRow = rowBytes(weight.type, weight.rowLength);
    // A multiple of four rows, so that every slice of heads begins at a whole word.
    const rowsPerSlice = Math.max(4, Math.floor(sliceBytes / fileRow / 4) * 4);
    for (let row = 0; row < nRows; row += rowsPerSlice) {
      const n = Math.min(rowsPerSlice, nRows - row);
      const bytes = new Uint8Array(n * fileRow);
      await source.read((firstRow + row) * fileRow, bytes);
      const at = (bufferRow + row) * weight.blocksPerRow;
      const own = loaders.get(weight.type.name);
      if (loader.type === 'F16' && own !== undefined && own !== loader) {
        const table = own.grid && (await this.#grid(own.grid));
        const target = { buffer: body, first: at * loader.blockSize };
        await this.#expander.expand(own, bodiesAndHeads(own, bytes), table, n * weight.rowLength, target);
        continue;
      }
      const whole = this.#inLoaderType(weight, loader, bytes, n);
      const { bodies, heads } = bodiesAndHeads(loader, whole);
      queue.writeBuffer(body, at * loader.bodyBytes, bodies);
      if (head !== undefined) queue.writeBuffer(head, at * loader.headBytes, heads);
    }
  }

  /** `n` rows of the file as blocks of the loader's type. */
  #inLoaderType(weight: GpuWeight, loader: Loader, bytes: Uint8Array<ArrayBuffer>, n: number): Uint8Array<ArrayBuffer> {
    const { rowLength, type } = weight;
    const same = type.name === loader.type;
    const blocks = same ? bytes : expandedToF32(codecs[type.name], bytes, rowLength * n);
    if (rowLength % loader.blockSize === 0) return blocks;
    return paddedRows(blocks, rowBytes(ggmlTypes[loader.type], rowLength), weight.blocksPerRow * loader.blockBytes, n);
  }

  /** The loader of a type. Types that no shader reads (integers, doubles) become F32; quantised ones that are expanded become F16. */
  #loader(type: GgmlType, role: WeightRole): Loader {
    const own = loaders.get(type.name);
    if (own === undefined) return loaders.get('F32')!;
    return type.blockSize > 1 && this.#asF16(own, role) ? loaders.get('F16')! : own;
  }

  /** The number of rows that fit into one binding: whole matrices of a stack if possible, else a multiple of four rows. */
  #rowsPerPart(weight: GpuWeight): number {
    const rows = Math.floor(this.#device.maxBindingSize / (weight.blocksPerRow * weight.loader!.bodyBytes));
    const [, nOut = 1, nExpert = 1] = weight.shape;
    const unit = nExpert > 1 ? nOut : 4;
    if (rows < unit) {
      throw new GpuError(
        `${weight.name}: ${unit} rows of ${weight.rowLength} values exceed this adapter's bindings (${this.#device.maxBindingSize} bytes)`,
      );
    }
    return Math.floor(rows / unit) * unit;
  }

  async #grid(name: NonNullable<Loader['grid']>): Promise<GPUBuffer> {
    let buffer = this.#grids.get(name);
    if (buffer === undefined) {
      const values = iqGrid(name).slice();
      buffer = await this.#device.buffer(`grid ${name}`, values.length, usage.storage | usage.copyDst);
      this.#device.gpu.queue.writeBuffer(buffer, 0, values);
      this.#grids.set(name, buffer);
    }
    return buffer;
  }
}

/** Bytes of `rows` rows in the form of `weight`. */
function gpuBytes(weight: GpuWeight, rows: number): number {
  const { bodyBytes, headBytes } = weight.loader!;
  return rows * weight.blocksPerRow * (bodyBytes + headBytes);
}
