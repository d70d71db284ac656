/**
 * @file The table of file types: the values of `general.file_type`, each with `llama-quantize`'s name for it and
 * llama.cpp's description.
 */
import type { GgmlTypeName } from './ggml-types.ts';
import type { GgufFile } from './open.ts';

/** Version of the block layouts, the value of `general.quantization_version`. */
export const QUANTIZATION_VERSION = 2;

const table = [
  [0, 'F32', 'all F32'],
  [1, 'F16', 'F16'],
  [2, 'Q4_0', 'Q4_0'],
  [3, 'Q4_1', 'Q4_1'],
  [7, 'Q8_0', 'Q8_0'],
  [8, 'Q5_0', 'Q5_0'],
  [9, 'Q5_1', 'Q5_1'],
  [10, 'Q2_K', 'Q2_K - Medium'],
  [11, 'Q3_K_S', 'Q3_K - Small'],
  [12, 'Q3_K_M', 'Q3_K - Medium'],
  [13, 'Q3_K_L', 'Q3_K - Large'],
  [14, 'Q4_K_S', 'Q4_K - Small'],
  [15, 'Q4_K_M', 'Q4_K - Medium'],
  [16, 'Q5_K_S', 'Q5_K - Small'],
  [17, 'Q5_K_M', 'Q5_K - Medium'],
  [18, 'Q6_K', 'Q6_K'],
  [19, 'IQ2_XXS', 'IQ2_XXS - 2.0625 bpw'],
  [20, 'IQ2_XS', 'IQ2_XS - 2.3125 bpw'],
  [21, 'Q2_K_S', 'Q2_K - Small'],
  [22, 'IQ3_XS', 'IQ3_XS - 3.3 bpw'],
  [23, 'IQ3_XXS', 'IQ3_XXS - 3.0625 bpw'],
  [24, 'IQ1_S', 'IQ1_S - 1.5625 bpw'],
  [25, 'IQ4_NL', 'IQ4_NL - 4.5 bpw'],
  [26, 'IQ3_S', 'IQ3_S - 3.4375 bpw'],
  [27, 'IQ3_M', 'IQ3_S mix - 3.66 bpw'],
  [28, 'IQ2_S', 'IQ2_S - 2.5 bpw'],
  [29, 'IQ2_M', 'IQ2_M - 2.7 bpw'],
  [30, 'IQ4_XS', 'IQ4_XS - 4.25 bpw'],
  [31, 'IQ1_M', 'IQ1_M - 1.75 bpw'],
  [32, 'BF16', 'BF16'],
  [36, 'TQ1_0', 'TQ1_0 - 1.69 bpw ternary'],
  [37, 'TQ2_0', 'TQ2_0 - 2.06 bpw ternary'],
  [38, 'MXFP4_MOE', 'MXFP4 MoE'],
  [39, 'NVFP4', 'NVFP4'],
  [40, 'Q1_0', 'Q1_0'],
  [41, 'Q2_0', 'Q2_0'],
] as const;

/** The names of all file types, e.g. `Q4_K_M`. */
export type FileTypeName = (typeof table)[number][1];

/** A row of the table. */
export interface FileType {
  /** The value of `general.file_type`. */
  readonly id: number;
  /** The name that `llama-quantize` takes. */
  readonly name: FileTypeName;
  /** llama.cpp's description of the type. */
  readonly description: string;
}

/** All file types, by name. */
export const fileTypes = Object.fromEntries(
  table.map(([id, name, description]) => [name, { id, name, description }]),
) as Readonly<Record<FileTypeName, FileType>>;

const byId = new Map<number, FileType>(Object.values(fileTypes).map((type) => [type.id, type]));

/** The file type with this id, or `undefined` for an unknown id. */
function fileTypeById(id: number): FileType | undefined {
  return byId.get(id);
}

/** llama.cpp's description of the file type. Without the key, it guesses the type that most tensors have. */
export function describeFileType(file: GgufFile): string {
  const id = file.metadata.u32('general.file_type');
  if (id !== undefined) return fileTypeById(id)?.description ?? `unknown (${id})`;
  const counts = new Map<GgmlTypeName, number>();
  for (const { type } of file.tensors.values()) counts.set(type.name, (counts.get(type.name) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most === undefined ? 'unknown' : `${most[0] === 'F32' ? fileTypes.F32.description : most[0]} (guessed)`;
}
