/**
 * @file The codecs of all ggml types, by name.
 */
import type { GgmlTypeName } from '../../gguf/ggml-types.ts';
import type { Codec } from './codec.ts';
import { BF16, F16, F32, F64, I8, I16, I32, I64 } from './plain.ts';
import { Q8_0, Q8_1, Q8_K } from './q8.ts';

export type { Codec } from './codec.ts';
export { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from './half.ts';

/** One codec for each type; `undefined` for a type that cannot be read. */
export const codecs = { F32, F16, BF16, F64, I8, I16, I32, I64, Q8_0, Q8_1, Q8_K } as Readonly<
  Record<GgmlTypeName, Codec | undefined>
>;
