/**
 * @file The formats of input files.
 */

/** How the records of an input are written. `file`: the whole file is the text of one record; `image`: it is a picture. */
export const inputFormats = ['jsonl', 'csv', 'tsv', 'text', 'file', 'image', 'parquet'] as const;
export type InputFormat = (typeof inputFormats)[number];
