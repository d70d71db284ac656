/**
 * @file The error for pictures that cannot be used.
 */

/**
 * Why a picture was refused: `format` (an unknown format or variant), `limit` (larger than a named limit), `damaged` (incomplete, or it
 * violates its format).
 */
export type ImageProblem = 'format' | 'limit' | 'damaged';

/** A picture that cannot be decoded or exceeds a limit. It is thrown before anything large is allocated. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly problem: ImageProblem;
  /** What is wrong, without the name of the picture. */
  readonly reason: string;
  /** The index of the input that holds the picture, from 0, if there are inputs. */
  index?: number;

  constructor(problem: ImageProblem, reason: string, name?: string) {
    super(name === undefined ? reason : `${name}: ${reason}`);
    this.problem = problem;
    this.reason = reason;
  }
}

/** The error for a file that violates its format. */
export function damaged(reason: string): ImageError {
  return new ImageError('damaged', reason);
}

/** The error for a file that uses an unsupported feature. */
export function unsupported(reason: string): ImageError {
  return new ImageError('format', reason);
}
