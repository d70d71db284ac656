/**
 * @file The error for an invalid command line: printed as one line, with exit code 1.
 */

/** A mistake of the user; the message says what to do. */
export class UsageError extends Error {
  override name = 'UsageError';
}
