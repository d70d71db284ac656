/**
 * @file Vectors and what belongs to them in the formats of other programs. Text comes in lines: one string could not hold a large file.
 */

/** What is exported. */
export interface ExportData {
  readonly texts: readonly string[];
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly vectors: readonly Float32Array[];
}

/** NumPy's format: `[n, dimensions]` float32. */
export function npyFile({ vectors }: ExportData): Uint8Array<ArrayBuffer>[] {
  const size = vectors[0]?.length ?? 0;
  const about = `{'descr': '<f4', 'fortran_order': False, 'shape': (${vectors.length}, ${size}), }`;
  // The values begin at a multiple of 64.
  const length = Math.ceil((10 + about.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + 4 * vectors.length * size);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0]);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, length - 10, true);
  bytes.set(new TextEncoder().encode(`${about.padEnd(length - 11)}\n`), 10);
  let at = length;
  for (const vector of vectors) {
    for (const value of vector) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return [bytes];
}

/** A line for each text: its columns, the text and its vector. The page opens such a file without a model. */
export function jsonlFile({ texts, columns, vectors }: ExportData): string[] {
  const names = Object.keys(columns);
  return texts.map((text, i) => {
    const row = Object.fromEntries(names.map((name) => [name, columns[name][i]]));
    return `${JSON.stringify({ ...row, text, embedding: Array.from(vectors[i]) })}\n`;
  });
}

/** Vectors for TensorFlow's Embedding Projector. */
export function projectorVectors({ vectors }: ExportData): string[] {
  return vectors.map((vector) => `${vector.join('\t')}\n`);
}

/** Texts and columns for the Embedding Projector. It wants a heading only where there are several columns. */
export function projectorMetadata({ texts, columns }: ExportData): string[] {
  const names = Object.keys(columns);
  const cell = (value: string) => value.replaceAll(/[\t\r\n]+/g, ' ');
  const rows = texts.map((text, i) => [text, ...names.map((name) => columns[name][i])]);
  return [...(names.length > 0 ? [['text', ...names]] : []), ...rows].map((row) => `${row.map(cell).join('\t')}\n`);
}
