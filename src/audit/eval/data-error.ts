/**
 * @file The error for a data set that cannot be used.
 */

/** A malformed data set. The message names the place. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
