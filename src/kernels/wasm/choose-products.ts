/**
 * @file Chooses the form of products for a precision on this engine.
 */
import type { GgmlType } from '../../gguf/ggml-types.ts';
import type { Precision, WeightRole } from '../../tensor/backend.ts';
import { findWrongLowBitKernel } from './checks/self-check.ts';
import { dot8Levels } from './dot8.ts';
import { f32 } from './forms/f32.ts';
import type { Form } from './forms/form.ts';
import { i16 } from './forms/i16.ts';
import { lowBitForms } from './forms/low-bit.ts';
import { q8 } from './forms/q8.ts';
import { u8 } from './forms/u8.ts';
import { tryKernels } from './kernels.ts';
import type { WasmSetup } from './setup.ts';

/** How matrices are multiplied. */
export interface ProductChoice {
  /** Everything is float32. */
  readonly exact: boolean;
  /** The products of a weight of this type. Those that choose experts have int16 activations even where others have fewer bits. */
  readonly of: (type: GgmlType, role: WeightRole) => Form;
  /** For the description. */
  readonly note: string;
}

/** The products of a precision, as far as this engine supports them. */
export async function chooseProducts(precision: Precision, setup: WasmSetup): Promise<ProductChoice> {
  if (precision === 'exact') return { exact: true, of: () => f32, note: '' };
  const int16: ProductChoice = { exact: false, of: int16Of, note: '' };
  if (precision === 'high') return int16;
  const levels = setup.eightBits === 'never' ? 0 : await dot8Levels(setup);
  if (levels === 255 || (levels === 127 && setup.eightBits === 'always')) {
    const form = u8(levels);
    return withFewerBits(() => form, `, ${levels === 255 ? 8 : 7}-bit activations`);
  }
  if (!setup.relaxed) return int16;
  const { kernels, memory } = await tryKernels(setup);
  const wrong = findWrongLowBitKernel(kernels, memory);
  if (wrong !== undefined) return { ...int16, note: `, 8-bit activations refused (${wrong})` };
  return withFewerBits(({ name }) => lowBitForms.get(name), ', 8-bit activations for weights of 4 to 6 bits');
}

/** Products with int16 activations. */
function int16Of({ name }: GgmlType): Form {
  return name === 'Q8_0' ? q8 : i16;
}

/** The choice of `formOf`, where it has a form; routers keep int16 activations. */
function withFewerBits(formOf: (type: GgmlType) => Form | undefined, note: string): ProductChoice {
  const of: ProductChoice['of'] = (type, role) => (role === 'router' ? undefined : formOf(type)) ?? int16Of(type);
  return { exact: false, of, note };
}
