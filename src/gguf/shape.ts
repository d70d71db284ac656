/**
 * @file Arithmetic on the shapes of tensors.
 */

/** How many elements a tensor of this shape has: the product of its dimensions, 1 for a scalar (`[]`). */
export function nElements(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
