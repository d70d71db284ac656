/**
 * @file The output formats of `embed`, as in llama.cpp's llama-embedding.
 */
import type { Embeddings } from '../../engine/index.ts';
import { escapeControls } from '../../gguf/escape.ts';

/** The formats of `--embd-output-format`; `''` is the default, as in llama-embedding. */
export const embeddingFormats = ['', 'default', 'array', 'json', 'json+', 'raw'] as const;

/** Options for printing vectors. */
interface EmbeddingFormat {
  readonly embdOutputFormat: (typeof embeddingFormats)[number];
  /** Kind of normalisation; scaling to the largest value gives integers. */
  readonly embdNormalize: number;
}

/** Values of each vector that the default format shows if there are several vectors. */
const SHOWN = 16;
/** Values at each end of a token's vector that the default format shows. */
const SHOWN_OF_TOKEN = 3;

/** The output for `texts`. */
export function formatEmbeddings(
  texts: readonly string[],
  result: Embeddings,
  labels: readonly string[],
  { embdOutputFormat, embdNormalize }: EmbeddingFormat,
): string {
  const rows = rowsOf(result);
  const digits = embdNormalize === 0 ? 0 : 7;
  switch (embdOutputFormat) {
    case 'array':
      return `[${rows.map((row) => bracketed(row, digits)).join(',')}]\n\n`;
    case 'raw':
      return `${rows.map((row) => `${fixed(row, digits).join(' ')}\n`).join('')}\n`;
    case 'json':
      return `${json(rows, digits, '')}\n`;
    case 'json+':
      return `${json(rows, digits, texts.length > 1 ? jsonSimilarities(rows) : '')}\n`;
    default:
      return `\n${forPeople(texts, rows, result, labels, embdNormalize === 0 ? 0 : 6)}\n`;
  }
}

/** The kinds of vectors of each text as JSON. */
export function formatKinds(
  { vectors, sparse, multi, dimensions, nTokens }: Embeddings,
  { embdNormalize }: Pick<EmbeddingFormat, 'embdNormalize'>,
): string {
  const digits = embdNormalize === 0 ? 0 : 7;
  const items = nTokens.map((_, i) => {
    const members = [`"object": "embedding"`, `"index": ${i}`];
    if (vectors.length > 0) {
      const rows = rowsIn(vectors[i], dimensions).map((row) => bracketed(row, digits));
      members.push(`"embedding": ${vectors[i].length === dimensions ? rows[0] : `[${rows.join(', ')}]`}`);
    }
    if (sparse !== undefined) {
      const { indices, values } = sparse[i];
      members.push(`"sparse": {"indices": [${indices.join(',')}], "values": ${bracketed(values, 7)}}`);
    }
    if (multi !== undefined) {
      const rows = rowsIn(multi[i].values, multi[i].dimensions).map((row) => `\n        ${bracketed(row, digits)}`);
      members.push(`"multi": [${rows.join(',')}]`);
    }
    return `    {\n      ${members.join(',\n      ')}\n    }`;
  });
  return `{\n  "object": "list",\n  "data": [\n${items.join(',\n')}\n  ]\n}\n`;
}

/** The vectors one by one; with pooling `none`, those of all tokens of all texts. */
function rowsOf({ vectors, dimensions }: Embeddings): Float32Array[] {
  return vectors.flatMap((vector) => rowsIn(vector, dimensions));
}

function rowsIn(values: Float32Array, dimensions: number): Float32Array[] {
  const length = values.length / dimensions;
  return Array.from({ length }, (_, i) => values.subarray(i * dimensions, (i + 1) * dimensions));
}

function forPeople(
  texts: readonly string[],
  rows: readonly Float32Array[],
  { pooling }: Embeddings,
  labels: readonly string[],
  digits: number,
): string {
  const width = digits === 0 ? 6 : 9;
  const cells = (row: Float32Array) => fixed(row, digits).map((cell) => `${cell.padStart(width)} `);
  if (pooling === 'rank') {
    return rows
      .flatMap((row, i) => Array.from(row, (score, j) => scoreLine(i, score, row.length > 1 ? (labels[j] ?? j) : '')))
      .join('');
  }
  if (pooling === 'none') {
    return rows
      .map((row, i) => {
        const all = cells(row);
        const [start, end] = [all.slice(0, SHOWN_OF_TOKEN), all.slice(-SHOWN_OF_TOKEN)];
        return `embedding ${i}: ${start.join('')} ... ${end.join('')}\n`;
      })
      .join('');
  }
  const shown = rows.length > 1 ? SHOWN : Number.POSITIVE_INFINITY;
  const lines = rows.map((row, i) => `embedding ${i}: ${cells(row).slice(0, shown).join('')}\n`);
  if (texts.length < 2) return lines.join('');
  const header = texts.map((text) => `${firstCharacters(text, 6).padStart(6)} `).join('');
  const matrix = rows.map((a, i) => {
    const similarities = rows.map((b) => `${cosine(a, b).toFixed(2).padStart(6)} `);
    return `${similarities.join('')}${firstCharacters(texts[i], 10)}\n`;
  });
  return `${lines.join('')}\ncosine similarity matrix:\n\n${header}\n${matrix.join('')}`;
}

function scoreLine(index: number, score: number, label: string | number): string {
  return `rerank score ${index}: ${score.toFixed(3).padStart(8)}${label === '' ? '' : ` [${escapeControls(String(label))}]`}\n`;
}

function json(rows: readonly Float32Array[], digits: number, more: string): string {
  const items = rows.map(
    (row, i) => `    {
      "object": "embedding",
      "index": ${i},
      "embedding": ${bracketed(row, digits)}
    }`,
  );
  return `{
  "object": "list",
  "data": [
${items.join(',\n')}
  ]${more}
}
`;
}

function jsonSimilarities(rows: readonly Float32Array[]): string {
  const lines = rows.map((a) => {
    const cells = rows.map((b) => cosine(a, b).toFixed(2).padStart(6));
    return `    [${cells.join(', ')} ]`;
  });
  return `,\n  "cosineSimilarity": [\n${lines.join(',\n')}\n  ]`;
}

function bracketed(row: Float32Array, digits: number): string {
  return `[${fixed(row, digits).join(',')}]`;
}

function fixed(row: Float32Array, digits: number): string[] {
  return Array.from(row, (value) => printf(value, digits));
}

/** C's `%.{digits}f` of a float32: no exponent, ties to even, and a sign on negative zeros. */
function printf(value: number, digits: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e21) return `${BigInt(value)}${digits > 0 ? `.${'0'.repeat(digits)}` : ''}`;
  // Exact, because a float32 has 24 bits and 10^7 adds 17.
  const scaled = magnitude * 10 ** digits;
  const whole = Math.floor(scaled);
  const text = (scaled - whole === 0.5 && whole % 2 === 0 ? whole / 10 ** digits : magnitude).toFixed(digits);
  return value < 0 || Object.is(value, -0) ? `-${text}` : text;
}

function firstCharacters(text: string, n: number): string {
  return Array.from(text.slice(0, 2 * n))
    .slice(0, n)
    .join('');
}

/** Cosine similarity: 1 for two zero vectors, 0 if only one is zero. */
function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  if (aa === 0 || bb === 0) return aa === bb ? 1 : 0;
  return dot / (Math.sqrt(aa) * Math.sqrt(bb));
}
