/**
 * @file Which layers see only a window of the text.
 */
import type { Window } from '../tensor/ops.ts';
import type { Keys } from './keys.ts';

/** Sliding window attention of a model. */
export interface SlidingWindow {
  /** For each layer: the window, or `undefined` where all is seen. */
  readonly windows: readonly (Window | undefined)[];
  /** RoPE base of the windowed layers. */
  readonly freqBase: number;
}

/** A window that no text fills; backends add it to positions in int32. */
const LARGEST = 2 ** 30;

/**
 * Reads `attention.sliding_window` and its pattern.
 * @param options.period default of `attention.sliding_window_pattern`: one layer in so many sees all
 * @param options.dense whether that is the first or the last of each period
 * @param options.size default of `attention.sliding_window`; 0: no windows. Without it the key must be there.
 * @param options.freqBase default of `rope.freq_base_swa`
 */
export function readSlidingWindow(
  keys: Keys,
  nLayer: number,
  kind: Window['kind'],
  options: { period: number; dense: 'first' | 'last'; size?: number; freqBase?: number },
): SlidingWindow {
  const size = Math.min(keys.u32('attention.sliding_window', options.size), LARGEST);
  const local = size === 0 ? new Array<boolean>(nLayer).fill(false) : localLayers(keys, nLayer, options);
  return {
    windows: local.map((isLocal) => (isLocal ? { kind, size } : undefined)),
    freqBase: keys.positiveF32('rope.freq_base_swa', options.freqBase ?? 10000),
  };
}

/** The pattern is a period (0: every layer has a window, 1: none), or says it of each layer. */
function localLayers(keys: Keys, nLayer: number, options: { period: number; dense: 'first' | 'last' }): boolean[] {
  const key = 'attention.sliding_window_pattern';
  if (keys.isArray(key)) return keys.flags(key, nLayer);
  const period = keys.u32(key, options.period);
  const denseAt = options.dense === 'first' ? 0 : period - 1;
  return Array.from({ length: nLayer }, (_, il) => period === 0 || il % period !== denseAt);
}
