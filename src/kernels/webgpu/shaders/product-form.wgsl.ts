/**
 * @file The variants of a product, and what those have in common whose tiles consist of pairs of outputs: a gate and what it gates, or the two
 * values, half a head apart, that a rotation turns.
 */
import type { Params } from '../kernel.ts';
import { gatedRow, storeGated } from './gated.wgsl.ts';
import { type Rotated, rotatedHead, rotatedParams, rotatedRow, storeRotated, turnNeighbours } from './rotated.wgsl.ts';

/** Variants of a product of one weight: the result is gated, or heads of it are rotated. */
export type LinearForm = 'plain' | 'gated' | Rotated;

/** Variants of a product; with `experts`, rows have their own weights. */
export type ProductForm = LinearForm | 'experts';

/** The parameters of a variant. */
export const formParams = (form: ProductForm): Params => (form.startsWith('rotated ') ? rotatedParams : {});

/** The end of the name of a kernel. */
export const formName = (form: ProductForm): string => (form === 'plain' ? '' : ` ${form}`);

/** Whether a tile has two halves: the first value of each pair is in the first one, and the second value in the second one. */
export function isPaired(form: ProductForm): boolean {
  return form === 'gated' || rotatedHead(form, 'neox') !== undefined;
}

/** WGSL of the number of outputs, or of pairs, of the whole product. */
export function extentOf(form: ProductForm): string {
  return rotatedHead(form, 'neox') === undefined ? 'p.nOut' : 'p.nOut / 2u';
}

/** WGSL of the function that finds the row of W for a row of a tile of pairs. */
export function pairedRow(form: ProductForm): string {
  const headSize = rotatedHead(form, 'neox');
  if (headSize !== undefined) return rotatedRow(headSize);
  return form === 'gated' ? gatedRow : '';
}

/** WGSL: the row of W that is row `n` of a tile with `bn` rows. */
export function weightRow(form: ProductForm, bn: number): string {
  if (!isPaired(form)) return 'w_begin() + n0 + n';
  return `${form === 'gated' ? 'gated' : 'rotated'}_row(n0, n, ${bn / 2}u)`;
}

/** WGSL of the function that stores four pairs of sums; see `storePairs`. */
export function pairsCode(form: ProductForm): string {
  const headSize = rotatedHead(form, 'neox');
  if (headSize !== undefined) return storeRotated(headSize);
  return form === 'gated' ? storeGated : '';
}

/** WGSL: what a product that is not paired does with `v`, four outputs of a row, before it stores them. */
export function turnedCode(form: ProductForm): string {
  const headSize = rotatedHead(form, 'norm');
  return headSize === undefined ? '' : turnNeighbours(headSize);
}

/** WGSL: stores four pairs. @param args WGSL of the row, of the first output or pair, and of the sums of both halves */
export function storePairs(form: ProductForm, ...args: readonly string[]): string {
  return `store_${form === 'gated' ? 'gated' : 'rotated'}4(${args.join(', ')});`;
}
