/**
 * @file The modules of sentence-transformers that a file can store, by the last parts of their types.
 */

/** Layers over pooled vectors. */
export const layerKinds: readonly string[] = ['Dense', 'LayerNorm', 'Normalize'];

/** Modules with a list of layers for each side of a search. */
export const routerKinds: readonly string[] = ['Router', 'Asym'];

/** Modules that change vectors in a training only. */
export const idleKinds: readonly string[] = ['Dropout', 'Identity'];
