/**
 * @file The layers whose attention is limited to a window.
 */
import type { Window } from '../tensor/ops.ts';
import type { Keys } from './keys.ts';
import type { RopeParameters } from './rope.ts';
import type { WeightLoader } from './weights.ts';

/** Sliding window attention of a model. */
export interface SlidingWindow {
  /** For each layer, the window, or `undefined` for full attention. */
  readonly windows: readonly (Window | undefined)[];
  /** RoPE of the windowed layers. */
  readonly rope: RopeParameters;
}

/** A window larger than any text; backends add it to positions in int32. */
const LARGEST = 2 ** 30;

/**
 * Reads `attention.sliding_window` and its pattern.
 * @param options.period default of `attention.sliding_window_pattern`: one layer of each period has full attention
 * @param options.dense whether it is the first or the last of each period
 * @param options.size default of `attention.sliding_window`; 0: no windows. Without it, the key is required.
 * @param options.sameRope rotate like the other layers unless the file has `rope.freq_base_swa`; else use base 10000 without scaling, with the
 *   magnitude of the other layers (`attn_factor`, and the part of YaRN that does not depend on the scale), as in llama.cpp
 */
export function readSlidingWindow(
  { keys, hparams }: WeightLoader,
  kind: Window['kind'],
  options: { period: number; dense: 'first' | 'last'; size?: number; sameRope?: boolean },
): SlidingWindow {
  const { nLayer, rope } = hparams;
  const size = Math.min(keys.u32('attention.sliding_window', options.size), LARGEST);
  const isLocal = size === 0 ? new Array<boolean>(nLayer).fill(false) : localLayers(keys, nLayer, options);
  const local = options.sameRope ? rope : { ...rope, freqBase: 10000, freqScale: 1, extended: false };
  return {
    windows: isLocal.map((yes) => (yes ? { kind, size } : undefined)),
    rope: { ...local, freqBase: keys.positiveF32('rope.freq_base_swa', local.freqBase) },
  };
}

/** The pattern is a period (0: every layer has a window, 1: none) or a flag for each layer. */
function localLayers(keys: Keys, nLayer: number, options: { period: number; dense: 'first' | 'last' }): boolean[] {
  const key = 'attention.sliding_window_pattern';
  if (keys.isArray(key)) return keys.flags(key, nLayer);
  const period = keys.u32(key, options.period);
  const denseAt = options.dense === 'first' ? 0 : period - 1;
  return Array.from({ length: nLayer }, (_, il) => period === 0 || il % period !== denseAt);
}
