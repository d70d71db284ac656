/**
 * @file The weights of this backend and how they are stored (`storage/`).
 */
import { type GgmlType, rowBytes } from '../../gguf/ggml-types.ts';
import { nElements } from '../../gguf/shape.ts';
import type { WeightRole, WeightSource } from '../../tensor/backend.ts';
import type { Weight } from '../../tensor/ops.ts';
import { type Blocking, type Form, panelColumns } from './forms/form.ts';
import { gridAddress, writeGrid } from './grids.ts';
import type { Address, Stride } from './kernels.ts';
import type { KernelMemory } from './memory.ts';
import type { OutsideMemory } from './outside-memory.ts';
import { blocks, outsideBlocks } from './storage/blocks.ts';
import { panels } from './storage/panels.ts';
import { rowsOnDemand } from './storage/rows-on-demand.ts';
import type { Filling, Storage, Stored } from './storage/storage.ts';
import { minOnDemandBytes, TableRows } from './storage/table-rows.ts';
import { vector } from './storage/vector.ts';

/** A weight of this backend. */
export class WasmWeight implements Weight, Stored {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly storage: Storage;
  readonly k: number;
  readonly n: number;
  readonly nMatrices: number;
  readonly nPanels: number;
  /** The form of products with it. */
  readonly products: Form;
  readonly blocking: Blocking;
  readonly rowBytes: Stride;
  readonly address: Address;
  readonly scales: Address;
  readonly grid: Address;
  readonly tableRows: TableRows | undefined;

  /** @throws Error for a byte length that does not match the shape */
  constructor(
    source: WeightSource,
    role: WeightRole,
    products: Form,
    keepBlocks: boolean,
    memory: KernelMemory,
    outside?: OutsideMemory,
  ) {
    this.name = source.name;
    this.type = source.type;
    this.shape = source.shape;
    const [k = 1, n = 1, ...outer] = source.shape;
    this.k = k;
    this.n = n;
    this.nMatrices = nElements(outer);
    this.rowBytes = rowBytes(source.type, k);
    if (this.rowBytes * n * this.nMatrices !== source.byteLength) {
      throw new Error(`${source.name}: [${source.shape}] ${source.type.name} cannot have ${source.byteLength} bytes`);
    }
    this.grid = gridAddress(source.type.name);
    this.nPanels = Math.ceil(n / panelColumns);
    this.products = products;
    this.blocking = products.blocking(k);
    const inside = role === 'vector' ? vector : role === 'table' || keepBlocks ? blocks : panels;
    const bytes = inside.valueBytes(this);
    if (inside === blocks && outside !== undefined && memory.weightsEnd + bytes > outside.insideBytes) {
      this.storage = outsideBlocks;
      this.address = outside.allocate(bytes, this.name);
    } else {
      const onDemand = role === 'table' && source.byteLength >= minOnDemandBytes ? source.onDemand : undefined;
      this.tableRows = onDemand && new TableRows(onDemand, this.rowBytes, n * this.nMatrices);
      this.storage = onDemand === undefined ? inside : rowsOnDemand;
      this.address = memory.allocate(bytes, this.name);
    }
    const scaleBytes = this.storage.scaleBytes(this);
    this.scales = scaleBytes > 0 ? memory.allocate(scaleBytes, this.name) : 0;
  }
}

/** Reads the data of `weight` and converts it to its form. */
export async function fillWeight(weight: WasmWeight, source: WeightSource, filling: Filling): Promise<void> {
  writeGrid(weight.type.name, filling.memory);
  await weight.storage.fill(weight, source, filling);
}
