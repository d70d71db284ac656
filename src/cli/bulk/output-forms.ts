/**
 * @file The formats of outputs with records, and the names of their files.
 */
import { UsageError } from '../usage-error.ts';

/** Formats of outputs. */
export const outputFormats = ['jsonl', 'parquet', 'arrow', 'npy'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** A format, and how its files are packed. */
export interface OutputForm {
  readonly format: OutputFormat;
  readonly compression: 'gzip' | 'zstd' | undefined;
  /** What names of such files end in. */
  readonly extension: string;
}

/** The files that a form has for one output: with `npy`, the fields of the records lie beside the vectors. */
export function outputNames(stem: string, { format, extension }: OutputForm): string[] {
  return format === 'npy' ? [`${stem}.ids.jsonl`, `${stem}.npy`] : [`${stem}.${extension}`];
}

/** Whether a file of an output folder belongs to one of its parts. */
export function isNameOfPart(name: string): boolean {
  return /^part-\d+\./.test(name);
}

/** The form that the name of a file says, and the name without it; `undefined` for a name that says none. */
export function formOfName(path: string): { form: OutputForm; stem: string } | undefined {
  const [all, name, packed] = /\.(jsonl|ndjson|parquet|arrow|feather|npy)(\.gz|\.zst)?$/i.exec(path) ?? [];
  if (all === undefined) return undefined;
  const known = { ndjson: 'jsonl', feather: 'arrow' } as const;
  const lower = name.toLowerCase();
  const format = known[lower as keyof typeof known] ?? (lower as OutputFormat);
  const compression = packed === undefined ? undefined : packed.toLowerCase() === '.gz' ? 'gzip' : 'zstd';
  if (compression !== undefined && format !== 'jsonl') {
    throw new UsageError(`--output ${path}: only JSON lines can be packed with ${compression}`);
  }
  return { form: { format, compression, extension: all.slice(1) }, stem: path.slice(0, -all.length) };
}
