/**
 * @file The codecs of all ggml types, by name.
 */
import type { GgmlTypeName } from '../../gguf/ggml-types.ts';
import type { Codec } from './codec.ts';
import { MXFP4, NVFP4 } from './fp4.ts';
import { IQ1_M, IQ1_S } from './iq1.ts';
import { IQ2_S, IQ2_XS, IQ2_XXS } from './iq2.ts';
import { IQ3_S, IQ3_XXS } from './iq3.ts';
import { IQ4_NL, IQ4_XS } from './iq4.ts';
import { Q2_K, Q3_K, Q4_K, Q5_K, Q6_K } from './k-quants.ts';
import { Q1_0, Q2_0, TQ1_0, TQ2_0 } from './low-bits.ts';
import { BF16, F16, F32, F64, I8, I16, I32, I64 } from './plain.ts';
import { Q4_0, Q4_1, Q5_0, Q5_1 } from './q4-q5.ts';
import { Q8_0, Q8_1, Q8_K } from './q8.ts';

export type { Codec } from './codec.ts';
export { evenSigns, type IqGridName, iqGrid } from './iq-grids.ts';

/** The codec of each type. All can be decoded; those that have `quantize` can be written. */
export const codecs: Readonly<Record<GgmlTypeName, Codec>> = {
  F32,
  F16,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q8_1,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  Q8_K,
  IQ2_XXS,
  IQ2_XS,
  IQ3_XXS,
  IQ1_S,
  IQ4_NL,
  IQ3_S,
  IQ2_S,
  IQ4_XS,
  I8,
  I16,
  I32,
  I64,
  F64,
  IQ1_M,
  BF16,
  TQ1_0,
  TQ2_0,
  MXFP4,
  NVFP4,
  Q1_0,
  Q2_0,
};
