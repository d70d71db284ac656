/**
 * @file The size of a small model: one that a thread can load and compute with beside its other work.
 */

/** The most bytes in the files of a small model. */
export const smallModelBytes = 64 * 2 ** 20;
