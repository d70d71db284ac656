/**
 * @file The divisors of RoPE's frequencies that Llama 3.1 computes from its config (`rope_type` is `llama3`).
 */
import { isObject } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import { ConvertError } from './conversion-error.ts';

const f32 = Math.fround;

/**
 * One divisor for each pair of values of a head, in float32 as llama.cpp's converter computes them; `undefined` for another scaling.
 * @throws ConvertError for a value that is not a positive number, or bounds that are equal
 */
export function llama3Factors(config: Config, headSize: number): Float32Array | undefined {
  const scaling = config.get('rope_parameters', 'rope_scaling');
  if (!isObject(scaling) || (scaling.rope_type ?? scaling.type) !== 'llama3') return undefined;
  const number = (key: string, fallback: number): number => {
    const value = scaling[key] ?? fallback;
    if (typeof value === 'number' && value > 0 && value < Infinity) return value;
    throw new ConvertError(
      `${key} of the rope scaling is ${JSON.stringify(value)}; a positive number was expected`,
      'config.json',
    );
  };
  const base = number('rope_theta', config.float('rope_theta') ?? 10000);
  const factor = number('factor', 8);
  const low = number('low_freq_factor', 1);
  const high = number('high_freq_factor', 4);
  const context = number('original_max_position_embeddings', 8192);
  if (low === high) throw new ConvertError('low_freq_factor and high_freq_factor are equal', 'config.json');
  return Float32Array.from({ length: headSize / 2 }, (_, i) => {
    const frequency = f32(1 / f32(base ** f32((2 * i) / headSize)));
    const wavelength = f32((2 * Math.PI) / frequency);
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const smooth = f32(f32(f32(context / wavelength) - low) / (high - low));
    return 1 / f32(f32(f32(1 - smooth) / factor) + smooth);
  });
}
