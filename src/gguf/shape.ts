/**
 * @file Arithmetic on the shapes of tensors.
 */

/** The number of elements of a tensor of this shape: the product of its dimensions, 1 for a scalar (`[]`). */
export function nElements(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
