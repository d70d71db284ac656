/**
 * @file The grids of the IQ types in WebAssembly memory. Every type of the file format has an unpacker in `assembly/unpack*.ts`; seven of
 * them look up values in a grid.
 */
import type { GgmlTypeName } from '../../gguf/ggml-types.ts';
import { type IqGridName, iqGrid } from '../../tensor/codecs/iq-grids.ts';
import { type KernelMemory, tablesAddress } from './memory.ts';

/** The address and size of each grid. */
const offsets: Readonly<Record<IqGridName, readonly [offset: number, length: number]>> = {
  IQ1: [0, 16384],
  IQ2_XXS: [16384, 2048],
  IQ2_XS: [18432, 4096],
  IQ2_S: [22528, 8192],
  IQ3_XXS: [30720, 1024],
  IQ3_S: [31744, 2048],
};

const gridOf: Partial<Record<GgmlTypeName, IqGridName>> = {
  IQ1_S: 'IQ1',
  IQ1_M: 'IQ1',
  IQ2_XXS: 'IQ2_XXS',
  IQ2_XS: 'IQ2_XS',
  IQ2_S: 'IQ2_S',
  IQ3_XXS: 'IQ3_XXS',
  IQ3_S: 'IQ3_S',
};

/** Address of the grid that `type` needs; 0 if it needs none. */
export function gridAddress(type: GgmlTypeName): number {
  const grid = gridOf[type];
  return grid === undefined ? 0 : tablesAddress + offsets[grid][0];
}

/** Writes the grid that `type` needs, if any. */
export function writeGrid(type: GgmlTypeName, memory: KernelMemory): void {
  const grid = gridOf[type];
  if (grid === undefined) return;
  const [offset, length] = offsets[grid];
  memory.bytes(tablesAddress + offset, length).set(new Uint8Array(iqGrid(grid).buffer, 0, length));
}
