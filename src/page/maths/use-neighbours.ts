/**
 * @file The texts nearest to a chosen one, as state of a view.
 */
import { useEffect, useState } from 'preact/hooks';
import { report } from '../state.ts';
import { layout } from './layout.ts';
import type { Neighbour } from './layout-worker.ts';

/** Most texts that a view lists. */
export const NEAREST = 10;

/** The texts nearest to the one at index `chosen`. Below 0, the list stays as it was. */
export function useNeighbours(chosen: number): readonly Neighbour[] {
  const [nearest, setNearest] = useState<readonly Neighbour[]>([]);
  useEffect(() => {
    if (chosen < 0) return;
    let isCurrent = true;
    layout
      .call('neighbours', { index: chosen, count: NEAREST })
      .then((found) => isCurrent && setNearest(found), report);
    return () => {
      isCurrent = false;
    };
  }, [chosen]);
  return nearest;
}
