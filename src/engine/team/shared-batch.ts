/**
 * @file A batch and what is computed of it, as integers in shared memory:
 * ```
 * team, nTokens, nSeq, parts, length of pooling, pooling …, ids …, positions …, offsets …, types …, seen …
 * ```
 */
import type { Result } from '../../models/index.ts';
import type { Batch } from '../../tensor/batch.ts';

/** A forward pass that a team computes. */
export interface Forward {
  readonly batch: Batch;
  readonly pooling: Result;
  /** How many workers compute it together; 1 if a worker computes it alone. */
  readonly team: number;
  /** Whether a worker computes it while others compute other forward passes. */
  readonly alone: boolean;
}

const nHeader = 5;
/** Bits of `parts`. */
const [hasTypes, hasSeen, isAlone] = [1, 2, 4];

/** Writes a forward pass. Returns false if the batch does not fit, or has parts that only messages carry. */
export function writeForward({ batch, pooling, team, alone }: Forward, into: Int32Array): boolean {
  const { ids, positions, offsets, types, seen, ...others } = batch;
  if (Object.values(others).some((part) => part !== undefined)) return false;
  const arrays = [ids, positions, offsets, types, seen].filter((array) => array !== undefined);
  const length = arrays.reduce((sum, array) => sum + array.length, nHeader + pooling.length);
  if (length > into.length) return false;
  const parts = (types === undefined ? 0 : hasTypes) | (seen === undefined ? 0 : hasSeen) | (alone ? isAlone : 0);
  into.set([team, ids.length, offsets.length - 1, parts, pooling.length]);
  for (let i = 0; i < pooling.length; i++) into[nHeader + i] = pooling.charCodeAt(i);
  let at = nHeader + pooling.length;
  for (const array of arrays) {
    into.set(array, at);
    at += array.length;
  }
  return true;
}

/** Reads a forward pass that `writeForward` has written. */
export function readForward(from: Int32Array): Forward {
  const [team, nTokens, nSeq, parts, nPooling] = from;
  let at = nHeader;
  const next = (length: number) => from.slice(at, (at += length));
  const pooling = String.fromCharCode(...next(nPooling)) as Result;
  const [ids, positions, offsets] = [next(nTokens), next(nTokens), next(nSeq + 1)];
  const types = parts & hasTypes ? next(nTokens) : undefined;
  const seen = parts & hasSeen ? next(nSeq) : undefined;
  const batch = { ids, positions, offsets, ...(types && { types }), ...(seen && { seen }) };
  return { batch, pooling, team, alone: (parts & isAlone) !== 0 };
}
