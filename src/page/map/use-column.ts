/**
 * @file The groups of a column, as state of the map.
 */
import { useEffect, useState } from 'preact/hooks';
import { layout } from '../maths/layout.ts';
import { report } from '../state.ts';
import { t } from '../words/words.ts';
import type { Groups } from './groups.ts';

/** The groups by the values of a column, once the worker has them; `undefined` for no column. */
export function useColumn(column: string): Groups | undefined {
  const [found, setFound] = useState<{ column: string; groups: Groups }>();
  useEffect(() => {
    if (column === '') return;
    let isCurrent = true;
    layout
      .call('groups', { column, others: t('others') })
      .then((groups) => isCurrent && setFound({ column, groups }), report);
    return () => {
      isCurrent = false;
    };
  }, [column]);
  return found?.column === column ? found.groups : undefined;
}
