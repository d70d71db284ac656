/**
 * @file Operands of products as f16 in the arena, two values a word: how kernels write and read them.
 *
 * A result that only products read is stored as they would round it, so that they read half the bytes and the result has the same bits.
 */

/**
 * What a kernel stores: `f32`; `f16`, the operand that subgroup matrices make of a value; `quantised`, the operand of the strategy `float`,
 * whose `quantizeToF16` may turn values below 2⁻¹⁴ into zero.
 */
export type Stored = 'f32' | 'f16' | 'quantised';

/** The end of the name of a kernel that stores f16. */
export const storedName = (stored: Stored): string => (stored === 'f32' ? '' : ` to ${stored}`);

/** `enable` directives of a kernel that stores f16. */
export const storedFeatures = (stored: Stored): readonly string[] => (stored === 'f32' ? [] : ['f16']);

/** WGSL: `v` clamped to what f16 can hold. */
export const clampedToHalf = 'clamp(v, vec4<f32>(-65504.0), vec4<f32>(65504.0))';

/** WGSL: `to_halves(v)`, four values as two words. */
export function halvesCode(stored: Exclude<Stored, 'f32'>): string {
  const value = stored === 'quantised' ? `quantizeToF16(${clampedToHalf})` : clampedToHalf;
  return `fn to_halves(v: vec4<f32>) -> vec2<u32> { return bitcast<vec2<u32>>(vec4<f16>(${value})); }\n`;
}

/**
 * WGSL: `rounded(v)`, an operand as it enters the product. With f16 operands it has eleven significant bits, and values beyond ±65504 are
 * clamped; products and sums stay float32. `quantizeToF16`, because compilers drop a conversion to f16 and back.
 */
export function roundedCode(halves: boolean): string {
  const value = halves ? `quantizeToF16(${clampedToHalf})` : 'v';
  return `fn rounded(v: vec4<f32>) -> vec4<f32> { return ${value}; }`;
}
