/**
 * @file What the readers of input files give.
 */
import type { RecordFields } from './record.ts';

/** A row: its record, or why there is none. */
export type InputRow =
  | { readonly where: string; readonly fields: RecordFields }
  | { readonly where: string; readonly problem: string };

/** A line as text. */
export type DecodedLine =
  | { readonly where: string; readonly text: string }
  | { readonly where: string; readonly problem: string };
