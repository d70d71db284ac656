/**
 * @file What the rest of the house takes from this room: the contracts of the operations and the backends, and the codecs.
 */
export type * from './backend.ts';
export { bf16ToF32, type Codec, codecs, f16ToF32, f32ToBf16, f32ToF16 } from './codecs/index.ts';
export type * from './ops.ts';
