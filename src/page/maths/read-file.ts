/**
 * @file Reads a file of texts in the worker; the rows come back in parts.
 */
import type { Dataset } from '../dataset.ts';
import { layout } from './layout.ts';
import { Rows, type RowsPart } from './rows.ts';

/**
 * The texts of a file.
 * @throws Error that names the file and the line
 */
export async function readFile(file: File): Promise<Dataset> {
  const rows = new Rows();
  const hasVectors = await layout.call('read', { file }, { onNote: (part: RowsPart) => rows.add(part) });
  const { texts, columns, vectors } = rows;
  return { texts, columns, name: file.name, ...(hasVectors && { vectors }) };
}
