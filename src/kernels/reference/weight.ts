/**
 * @file The reference backend's weight: the unchanged bytes of the file. A row is dequantised when it is used.
 */
import { type GgmlType, rowBytes } from '../../gguf/ggml-types.ts';
import { nElements } from '../../gguf/shape.ts';
import type { WeightSource } from '../../tensor/backend.ts';
import { type Codec, codecs } from '../../tensor/codecs/index.ts';
import type { Weight } from '../../tensor/ops.ts';

/** A weight seen as `nRows` rows of `rowLength` values; a stack of matrices has the rows of all of them, one after the other. */
export class ReferenceWeight implements Weight {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  /** Values in a row: the fastest axis. */
  readonly rowLength: number;
  readonly nRows: number;
  #bytes: Uint8Array | undefined;
  readonly #rowBytes: number;
  readonly #codec: Codec;

  /** @throws Error when the byte length does not fit the shape */
  constructor(source: WeightSource) {
    this.name = source.name;
    this.type = source.type;
    this.shape = source.shape;
    const [rowLength = 1, ...outer] = source.shape;
    this.rowLength = rowLength;
    this.nRows = nElements(outer);
    this.#rowBytes = rowBytes(source.type, rowLength);
    if (this.#rowBytes * this.nRows !== source.byteLength) {
      throw new Error(`${source.name}: [${source.shape}] ${source.type.name} cannot have ${source.byteLength} bytes`);
    }
    this.#codec = codecs[source.type.name];
  }

  /** Reads the data from the file. */
  async fill(source: WeightSource): Promise<void> {
    const bytes = new Uint8Array(source.byteLength);
    await source.read(0, bytes);
    this.#bytes = bytes;
  }

  /** Frees the memory. */
  release(): void {
    this.#bytes = undefined;
  }

  /**
   * Writes the values of row `index` to `into` (`[rowLength]`).
   * @throws Error before `fill` and for a row that does not exist
   */
  dequantizeRow(index: number, into: Float32Array): void {
    if (this.#bytes === undefined) throw new Error(`${this.name} has no data`);
    if (!(index >= 0 && index < this.nRows))
      throw new Error(`${this.name} has ${this.nRows} rows; row ${index} does not exist`);
    const begin = index * this.#rowBytes;
    this.#codec.dequantize(this.#bytes.subarray(begin, begin + this.#rowBytes), into, this.rowLength);
  }
}
