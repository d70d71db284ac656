/**
 * @file Where the texts lie: the principal axes at once, UMAP as it converges.
 */
import { useEffect, useState } from 'preact/hooks';
import { layout } from '../maths/layout.ts';
import { runUmap } from '../maths/umap.ts';
import { report } from '../state.ts';
import { t } from '../words/words.ts';
import type { Groups } from './groups.ts';

/** Texts on the plane. */
interface Plane {
  /** `undefined` until the axes are known. */
  readonly positions: Float32Array | undefined;
  readonly clusters: Groups | undefined;
  /** What is going on, for people. */
  readonly progress: string;
}

/** @param texts those of the vectors in the worker */
export function usePlane(texts: readonly string[], matrix: Float32Array, isUmap: boolean): Plane {
  const [axes, setAxes] = useState<Float32Array>();
  const [clusters, setClusters] = useState<Groups>();
  const [moving, setMoving] = useState<Float32Array>();
  const [axesText, setAxesText] = useState('');
  const [progress, setProgress] = useState('');

  useEffect(() => {
    let isCurrent = true;
    layout.call('axes', undefined).then(({ positions, variance }) => {
      if (!isCurrent) return;
      setAxes(positions);
      const [across, up] = variance.map((part) => Math.round(100 * part));
      setAxesText(t('axesShown', { across, up }));
    }, report);
    layout.call('clusters', undefined).then((found) => isCurrent && setClusters(found), report);
    return () => {
      isCurrent = false;
    };
  }, [texts]);

  useEffect(() => {
    setMoving(undefined);
    setProgress('');
    if (axes === undefined || !isUmap) return;
    const stop = new AbortController();
    const n = texts.length;
    runUmap(
      { matrix, size: matrix.length / n, start: axes },
      (note) => {
        if (note.kind === 'neighbours') return setProgress(t('umapNeighbours', { done: note.done, total: n }));
        setMoving(note.positions);
        setProgress(t('umapRuns', { percent: Math.round((100 * note.epoch) / note.epochs) }));
      },
      stop.signal,
    ).then((positions) => {
      setMoving(positions);
      setProgress(t('umapDone'));
    }, report);
    return () => stop.abort(new DOMException('another layout', 'AbortError'));
  }, [axes, isUmap]);

  return { positions: moving ?? axes, clusters, progress: isUmap && progress !== '' ? progress : axesText };
}
