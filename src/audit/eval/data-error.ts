/**
 * @file The error of a data set that cannot be used.
 */

/** A data set that is not what it should be; the message names the place. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
