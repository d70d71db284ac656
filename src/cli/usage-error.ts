/**
 * @file The error for a command line that cannot be obeyed: printed as one line, exit code 1.
 */

/** The user's mistake; the message says what to do. */
export class UsageError extends Error {
  override name = 'UsageError';
}
