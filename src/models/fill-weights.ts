/**
 * @file Fills declared weights with the bytes of the file. Several workers of a shared memory divide this work.
 */
import type { Backend, WeightPart, WeightRole, WeightSource } from '../tensor/backend.ts';
import type { Weight } from '../tensor/ops.ts';

/** A weight that has a place in the backend's memory, and where its bytes come from. */
export interface DeclaredWeight {
  readonly weight: Weight;
  readonly source: WeightSource;
  readonly role: WeightRole;
}

/** Bytes in the file. */
export function bytesOf(declared: readonly DeclaredWeight[]): number {
  return declared.reduce((sum, { source }) => sum + source.byteLength, 0);
}

/** Options of `fillWeights`. */
export interface FillOptions {
  /** Called with bytes read (of the share) and bytes in all, at the beginning and after each weight. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** One worker's share of the work. Default: all of it. */
  readonly share?: WeightPart;
}

/**
 * Reads the data of all weights, or of one worker's share of them.
 * @param backend that allocated them
 * @throws the signal's reason when it is aborted
 */
export async function fillWeights(
  all: readonly DeclaredWeight[],
  backend: Pick<Backend, 'fill' | 'fillPart'>,
  { onProgress, signal, share }: FillOptions,
): Promise<void> {
  const total = bytesOf(all);
  let done = 0;
  onProgress?.(done, total);
  const isDivided = (declared: DeclaredWeight) =>
    share !== undefined && backend.fillPart !== undefined && isReadByAll(declared);
  const undivided = all.filter((declared) => !isDivided(declared));
  const own = new Set(share === undefined ? undivided : leastLoaded(undivided, share));
  for (const declared of all) {
    const { weight, source } = declared;
    if (!own.has(declared) && !isDivided(declared)) continue;
    signal?.throwIfAborted();
    let nRead = 0;
    const read: WeightSource['read'] = (byteOffset, into) => {
      signal?.throwIfAborted();
      nRead += into.length;
      return source.read(byteOffset, into);
    };
    if (own.has(declared)) await backend.fill(weight, { ...source, read });
    else await backend.fillPart!(weight, { ...source, read }, share!);
    done += own.has(declared) ? source.byteLength : nRead;
    onProgress?.(done, total);
  }
}

/** Whether it is worth while that every worker reads a part: not vectors, and not tables whose rows are read when a batch needs them. */
function isReadByAll({ source, role }: DeclaredWeight): boolean {
  return role === 'matrix' || (role === 'table' && source.onDemand === undefined);
}

/** Assigns each weight to the rank with the least work so far; returns those of one rank. */
function leastLoaded(declared: readonly DeclaredWeight[], { rank, nRanks }: WeightPart): DeclaredWeight[] {
  const costs = new Array<number>(nRanks).fill(0);
  return declared.filter((one) => {
    const least = costs.indexOf(Math.min(...costs));
    costs[least] += one.source.byteLength * loadCost(one);
    return least === rank;
  });
}

/** The cost of loading a byte, relative to 1 for a byte of a matrix. A table is copied, or read when a batch needs its rows. */
function loadCost({ source, role }: DeclaredWeight): number {
  if (role !== 'table') return 1;
  return source.onDemand === undefined ? 0.3 : 0;
}
