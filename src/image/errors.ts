/**
 * @file The error of every picture that cannot be used.
 */

/**
 * Why a picture was refused: `format` (no format that is known, or a variant that is not), `limit` (larger than a named
 * limit), `damaged` (not what its format prescribes, or incomplete).
 */
export type ImageProblem = 'format' | 'limit' | 'damaged';

/** A picture that cannot be decoded, or that a limit forbids. Nothing large has been allocated by then. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly problem: ImageProblem;
  /** What is wrong, without the name of the picture. */
  readonly reason: string;
  /** Which input has the picture, counted from 0; set where there are inputs. */
  index?: number;

  constructor(problem: ImageProblem, reason: string, name?: string) {
    super(name === undefined ? reason : `${name}: ${reason}`);
    this.problem = problem;
    this.reason = reason;
  }
}

/** The error of a file that breaks the rules of its format. */
export function damaged(reason: string): ImageError {
  return new ImageError('damaged', reason);
}

/** The error of a file that uses a feature which is not read. */
export function unsupported(reason: string): ImageError {
  return new ImageError('format', reason);
}
