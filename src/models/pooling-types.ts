/**
 * @file The kinds of pooling, by the names that files and users give them.
 */
import type { PoolKind } from '../tensor/ops.ts';

/** Kinds of pooling; `pooling_type` in a file is an index into these. */
export const poolingTypes = ['none', 'mean', 'cls', 'last', 'rank'] as const satisfies readonly (PoolKind | 'rank')[];

/** A kind of pooling; `rank` runs the classifier head. */
export type Pooling = (typeof poolingTypes)[number];
