/**
 * @file Numbers that depend on positions alone, for every backend: ALiBi, T5's relative bias, and rotary embeddings with YaRN.
 */
import { exp, log, pow, sinCos } from './exact-math.ts';
import type { Disentangled, RopeCoordinates, RopeOptions } from './ops.ts';

/**
 * ALiBi's geometric slope of each head (Press et al. 2021). Heads beyond the largest power of two take the odd elements of a sequence with
 * half the ratio.
 */
export function alibiSlopes(nHead: number, maxBias: number): Float32Array {
  const n2 = 1 << (31 - Math.clz32(nHead));
  const bits = Float64Array.from({ length: nHead }, (_, h) => maxBias * (h < n2 ? (h + 1) / n2 : (h - n2 + 0.5) / n2));
  return Float32Array.from(bits, (n) => exp(-n * log(2)));
}

/**
 * T5's bidirectional bucket (Raffel et al. 2019): half of the buckets for each direction; one bucket for each small distance, logarithmic
 * ones up to 128.
 * @param ahead position of the key minus position of the query
 */
export function relativeBucket(ahead: number, nBuckets: number): number {
  const perSide = Math.floor(nBuckets / 2);
  const side = ahead > 0 ? perSide : 0;
  const distance = Math.abs(ahead);
  const exact = Math.floor(perSide / 2);
  if (distance < exact) return side + distance;
  const coarse = exact + Math.floor((log(distance / exact) / log(128 / exact)) * (perSide - exact));
  return side + Math.min(perSide - 1, coarse);
}

/**
 * DeBERTa's row for a distance (He et al. 2021): half of the rows for each direction, with a row for each distance up to a quarter of their
 * number, then logarithmically up to `maxDistance`. Rounded as in float32, because a row ends at whole numbers.
 * @param behind position of the query minus position of the key
 */
export function disentangledRow(
  behind: number,
  { nRows, maxDistance }: Pick<Disentangled, 'nRows' | 'maxDistance'>,
): number {
  const f32 = Math.fround;
  const half = nRows / 2;
  const middle = Math.floor(half / 2);
  const distance = Math.abs(behind);
  let far = distance;
  if (maxDistance > 0 && distance > middle) {
    const most = f32(log(f32((maxDistance - 1) / middle)));
    far = Math.ceil(f32(f32(f32(log(f32(distance / middle))) / most) * (middle - 1))) + middle;
  }
  return Math.min(nRows - 1, Math.max(0, half + Math.sign(behind) * far));
}

/** YaRN (Peng et al. 2023): how much pair `i` keeps of its original angle. 1 for fast pairs, 0 for slow ones, linear in between. */
export function yarnRamp(i: number, { nRot, freqBase }: RopeOptions, yarn: NonNullable<RopeOptions['yarn']>): number {
  const pairOf = (turns: number) => (nRot * log(yarn.nCtxOrig / (turns * 2 * Math.PI))) / (2 * log(freqBase));
  const low = Math.max(0, Math.floor(pairOf(yarn.betaFast)));
  const high = Math.min(nRot - 1, Math.ceil(pairOf(yarn.betaSlow)));
  return 1 - Math.min(1, Math.max(0, (i - low) / Math.max(0.001, high - low)));
}

/** What rotates one pair: a coordinate, and the index of its frequency in `frequencies`. */
export interface PairTurn {
  readonly coordinate: number;
  readonly frequency: number;
}

/** The rotation that defines the pairs' frequencies. With axes, each axis has the frequencies of half as many dimensions. */
export function frequencies({ coordinates, ...options }: RopeOptions): RopeOptions {
  return coordinates?.kind === 'axes' ? { ...options, nRot: options.nRot / 2 } : options;
}

/** What rotates each of `nPairs` pairs. */
export function pairTurns({ kind, sizes }: RopeCoordinates, nPairs: number): PairTurn[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return Array.from({ length: nPairs }, (_, i) => {
    const k = i % total;
    if (kind === 'interleaved') {
      return { coordinate: k < 3 * sizes[k % 3] ? k % 3 : 3, frequency: i };
    }
    let [coordinate, start] = [0, 0];
    while (k >= start + sizes[coordinate]) start += sizes[coordinate++];
    return { coordinate, frequency: kind === 'axes' ? k - start : i };
  });
}

/**
 * Cosine and sine of each pair at one position, side by side in `into` (`nRot` values). Pair `i` rotates by `position · base^(−2i/nRot)`.
 * The power is a running float32 product, as in llama.cpp, and not a `pow` for each pair.
 * @param factors `[nRot / 2]` divisors of the angles
 */
export function rotations(
  position: number,
  options: RopeOptions,
  factors: Float32Array | undefined,
  into: Float32Array,
): void {
  const f32 = Math.fround;
  const { nRot, freqBase, freqScale = 1, yarn } = options;
  const stretched = yarn !== undefined && yarn.extFactor !== 0;
  const step = f32(pow(f32(freqBase), f32(-2 / nRot)));
  const magnitude = (yarn?.attnFactor ?? 1) * (stretched ? 1 + 0.1 * log(1 / freqScale) : 1);
  let theta = position;
  for (let i = 0; i < nRot / 2; i++) {
    const angle = factors === undefined ? theta : f32(theta / factors[i]);
    let turned = f32(freqScale * angle);
    if (stretched) {
      const mix = f32(yarnRamp(i, options, yarn) * yarn.extFactor);
      turned = f32(turned * (1 - mix) + angle * mix);
    }
    const { sin, cos } = sinCos(turned);
    into[2 * i] = cos * magnitude;
    into[2 * i + 1] = sin * magnitude;
    theta = f32(theta * step);
  }
}
