/**
 * @file The rows of a table that the tokens of a batch take. Rows that stay in the blocks of the file are unpacked one at a time.
 */
import type { RowIndex } from '../../tensor/batch.ts';
import { tableRows } from '../../tensor/batch-rows.ts';
import type { StepOf } from '../graph/step.ts';
import { alignUp } from './memory.ts';
import type { Runtime } from './runtime.ts';
import type { WasmWeight } from './weights.ts';

type Embedding = StepOf<'embedding', WasmWeight>;

/** Bytes of scratch for `rows` rows. */
export function embeddingScratch({ table, index }: Embedding, rows: number): number {
  return (typeof index === 'string' ? 0 : rows * 8 + 64) + table.storage.copyBytes(table, 1);
}

/** Computes the rows of this rank. */
export function runEmbedding(rt: Runtime, { table: w, index, scale, inputs: [add], out }: Embedding): void {
  const { at, weights, scratch } = placeTableRows(rt, index);
  const table = { ...w.storage.row(w), n: w.k, scale, tables: w.grid };
  const [from, ld] = add === undefined ? [0, 0] : [rt.address(add), rt.stride(add)];
  const [to, ldTo] = [rt.address(out), rt.stride(out)];
  if (w.storage.copyBytes(w, 1) === 0) {
    const { tokens, tokensEnd } = rt.share;
    w.storage.require?.(w, tableRows(rt.batch, index).rows?.subarray(tokens, tokensEnd) ?? [0], rt.memory);
    const rows = { index: at, weights, rows: rt.rows(out), add: from, ldAdd: ld, y: to, ldy: ldTo };
    rt.kernels.embedRows({ ...table, table: w.address, ...rows });
    return;
  }
  for (let r = 0; r < rt.rows(out); r++) {
    const row = rt.blocks(w, at === 0 ? 0 : rt.memory.i32[at / 4 + r], 1, scratch);
    const one = {
      index: 0,
      weights: weights && weights + r * 4,
      rows: 1,
      add: from + r * ld,
      ldAdd: ld,
      y: to + r * ldTo,
      ldy: ldTo,
    };
    rt.kernels.embedRows({ ...table, table: row, ...one });
  }
}

/** Addresses of the row numbers and weights of this rank's tokens (0 for row 0 and weights of 1), and of the remaining scratch. */
function placeTableRows(rt: Runtime, index: RowIndex): { at: number; weights: number; scratch: number } {
  const { scratch } = rt;
  if (index === 'zero') return { at: 0, weights: 0, scratch };
  if (typeof index === 'string') return { at: rt[index], weights: 0, scratch };
  const { tokens, tokensEnd } = rt.share;
  const { rows, weights } = tableRows(rt.batch, index);
  const bytes = (tokensEnd - tokens) * 4;
  rt.quantized = undefined;
  rt.memory.i32.set(rows!.subarray(tokens, tokensEnd), scratch / 4);
  rt.memory.f32.set(weights!.subarray(tokens, tokensEnd), (scratch + bytes) / 4);
  return { at: scratch, weights: scratch + bytes, scratch: alignUp(scratch + 2 * bytes, 64) };
}
