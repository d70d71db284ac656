/**
 * @file The kinds of pooling, as files and users name them.
 */
import type { PoolKind } from '../tensor/ops.ts';

/** Kinds of pooling; `pooling_type` in a file is an index into these. */
export const poolingTypes = ['none', 'mean', 'cls', 'last', 'rank'] as const satisfies readonly (PoolKind | 'rank')[];

/** Pooling as the file or the user asks for it; `rank` runs the classifier head. */
export type Pooling = (typeof poolingTypes)[number];
