/**
 * @file The files that the page saves, by name.
 */
import { type ExportData, jsonlFile, npyFile, projectorMetadata, projectorVectors } from './formats.ts';

type Write = (data: ExportData) => BlobPart[] | Promise<BlobPart[]>;

const files = {
  'vectors.npy': npyFile,
  'vectors.jsonl': jsonlFile,
  // Its library is as large as the rest of the page, and seldom needed.
  'vectors.parquet': async (data) => (await import('./parquet.ts')).parquetFile(data),
  'vectors.tsv': projectorVectors,
  'metadata.tsv': projectorMetadata,
} satisfies Record<string, Write>;

/** The name of a file. */
export type FileName = keyof typeof files;

/** The file of all rows, or of those with the indices `picked`. */
export async function exportFile(
  name: FileName,
  { texts, columns, vectors }: ExportData,
  picked: readonly number[] | undefined,
): Promise<Blob> {
  const of = <T>(all: readonly T[]) => (picked === undefined ? all : picked.map((i) => all[i]));
  const cells = Object.entries(columns).map(([title, values]) => [title, of(values)] as const);
  const write: Write = files[name];
  return new Blob(await write({ texts: of(texts), columns: Object.fromEntries(cells), vectors: of(vectors) }));
}
