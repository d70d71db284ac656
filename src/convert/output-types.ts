/**
 * @file The types of a converted file, and the conversion of values to them. The rounding is that of llama.cpp's
 * converter; that of `Q8_0` differs from `llama-quantize`'s.
 */
import { type FileTypeName, type GgmlType, ggmlTypes } from '../gguf/index.ts';
import { f16ToF32, f32ToBf16, f32ToF16 } from '../tensor/codecs/half.ts';
import type { DType } from './checkpoint/tensors.ts';

/** A file type that `convert` writes. */
export type OutputType = Extract<FileTypeName, 'F32' | 'F16' | 'BF16' | 'Q8_0'>;

/** The type of a tensor: norms, biases, positions, segments and kernels of short convolutions stay float32; rows that are not whole blocks become halves. */
export function chooseType(name: string, shape: readonly number[], wanted: OutputType): GgmlType {
  const isPlain =
    shape.length <= 1 ||
    name === 'position_embd.weight' ||
    name === 'token_types.weight' ||
    name === 'attn_rel_b.weight' ||
    name.endsWith('shortconv.conv.weight') ||
    name.endsWith('_norm.weight') ||
    !name.endsWith('.weight');
  if (isPlain) return ggmlTypes.F32;
  const type = ggmlTypes[wanted];
  return shape[0] % type.blockSize === 0 ? type : ggmlTypes.F16;
}

/** Reads `values.length` little-endian values as float32; the caller refuses integers. */
export function decode(dtype: DType, bytes: Uint8Array, values: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const n = values.length;
  if (dtype === 'F32') for (let i = 0; i < n; i++) values[i] = view.getFloat32(4 * i, true);
  else if (dtype === 'F64') for (let i = 0; i < n; i++) values[i] = view.getFloat64(8 * i, true);
  else if (dtype === 'F16') for (let i = 0; i < n; i++) values[i] = f16ToF32(view.getUint16(2 * i, true));
  else if (dtype === 'BF16') {
    const bits = new Uint32Array(values.buffer, values.byteOffset, n);
    for (let i = 0; i < n; i++) bits[i] = view.getUint16(2 * i, true) << 16;
  } else throw new TypeError(`${dtype} holds no weights`);
}

/** Writes values in a type that `chooseType` gives. `bytes` has room for them. */
export function encode(type: GgmlType, values: Float32Array, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const n = values.length;
  if (type.name === 'F32') for (let i = 0; i < n; i++) view.setFloat32(4 * i, values[i], true);
  else if (type.name === 'F16') for (let i = 0; i < n; i++) view.setUint16(2 * i, f32ToF16(values[i]), true);
  else if (type.name === 'BF16') for (let i = 0; i < n; i++) view.setUint16(2 * i, f32ToBf16(values[i]), true);
  else
    for (let block = 0; block < n / 32; block++)
      encodeQ8(values.subarray(32 * block, 32 * block + 32), view, 34 * block);
}

/** One block: scale `max / 127` in float32 arithmetic, stored as a half; values round half away from zero. */
function encodeQ8(values: Float32Array, view: DataView, at: number): void {
  let max = 0;
  for (const value of values) max = Math.max(max, Math.abs(value));
  const scale = Math.fround(max / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  view.setUint16(at, f32ToF16(scale), true);
  for (let i = 0; i < 32; i++) {
    const value = Math.fround(values[i] * inverse);
    const size = Math.abs(value);
    const whole = Math.floor(size);
    const rounded = whole + Math.floor(2 * (size - whole));
    view.setInt8(at + 2 + i, value < 0 ? -rounded : rounded);
  }
}
