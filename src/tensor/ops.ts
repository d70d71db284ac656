/**
 * @file The contract between models and backends: the operations that models call and every backend implements.
 *
 * A forward pass is a plain function that calls these operations once, in order, over one packed batch: the tokens of all sequences end to
 * end, without padding. Values are float32 matrices `[rows, cols]`, row-major; rows are the `T` tokens of the batch (or its sequences,
 * after `pool`).
 *
 * Rules for every backend:
 * - A row's result does not depend on the other sequences of the batch, on their order or on the number of threads: the same text gives the
 *    same bits.
 * - A tensor is valid from the call that returned it to the next `begin`. Callers never free tensors.
 * - Operations may be recorded and run later; only `read` returns values.
 */
import type { GgmlType } from '../gguf/ggml-types.ts';
import type { Batch, RowIndex, SpanKind } from './batch.ts';

/** A float32 matrix of one forward pass, `[rows, cols]`. The backend decides where it is stored. */
export interface Tensor {
  readonly rows: number;
  readonly cols: number;
}

/** A tensor of the model file in the backend's form. */
export interface Weight {
  /** Name in the file, e.g. `blk.0.attn_q.weight`. */
  readonly name: string;
  /** Storage type in the file. */
  readonly type: GgmlType;
  /** GGUF shape, fastest axis first: `[nIn, nOut]` for a matrix, `[n]` for a vector, `[nIn, nOut, nExpert]` for experts. */
  readonly shape: readonly number[];
}

/** A linear layer: `y = scale · (x Wᵀ) + bias`. */
export interface Linear {
  /** `[nIn, nOut]`. */
  readonly weight: Weight;
  /** `[nOut]`. */
  readonly bias?: Weight;
  /** `[1]`: NVFP4 files store one factor for each tensor beside the blocks. It is applied before the bias. */
  readonly scale?: Weight;
}

/** The parameters of a layer norm (`bias` optional) or an RMS norm (never a bias). */
export interface NormWeights {
  readonly weight: Weight;
  readonly bias?: Weight;
}

/**
 * Element-wise functions. `gelu` is the tanh form `0.5x(1 + tanh(√(2/π)(x + 0.044715x³)))`. llama.cpp computes it for every model, even if
 * the original uses the erf form. `gelu_erf` is the erf form, `0.5x(1 + erf(x/√2))`. `silu` is `x / (1 + e⁻ˣ)`, `gelu_quick` is `x / (1 +
 * e^(−1.702x))`.
 */
export type Activation = 'gelu' | 'gelu_erf' | 'gelu_quick' | 'silu' | 'relu' | 'tanh';

/**
 * Element-wise functions that only layers over pooled vectors have, with the constants that PyTorch has by default (`element-functions.ts`).
 * `activate` alone takes them: they would only make the kernels of products larger.
 */
export type RareActivation =
  | 'sigmoid'
  | 'log_sigmoid'
  | 'softplus'
  | 'mish'
  | 'elu'
  | 'selu'
  | 'leaky_relu'
  | 'rrelu'
  | 'relu6'
  | 'hardtanh'
  | 'hardsigmoid'
  | 'hardswish'
  | 'hardshrink'
  | 'softshrink'
  | 'softsign'
  | 'tanhshrink';

/**
 * Names for the observer, without the layer suffix: llama.cpp's name where it has one. An observer sees only the steps that a backend
 * stores as a whole. The reference backend shows each step, a fused kernel only its result (`out`).
 */
export interface StepNames<Step extends string> {
  /** The names of the steps. */
  readonly names?: Partial<Record<Step | 'out', string>>;
  /** Layer index, appended as `-N`. */
  readonly layer?: number;
}

/**
 * The part of the input that a query sees through a window: half the width (`size / 2`, rounded down) on each side, or only the last `size`
 * tokens.
 */
export interface Window {
  readonly kind: 'symmetric' | 'standard';
  readonly size: number;
}

/**
 * Which coordinate of a token (`Batch.coordinates`) rotates each pair of a head. `sizes` gives the number of pairs for each coordinate.
 * - `sections`: the first `sizes[0]` pairs use the first coordinate, the next `sizes[1]` the second, and so on (M-RoPE, Qwen2-VL).
 * - `interleaved`: pair `i` uses coordinate `i mod 3` while that coordinate has pairs left, then the fourth (Qwen3-VL).
 * - `axes`: sections that each start again at the highest frequency, with the frequencies of a rotation of `nRot / 2` dimensions (2-D RoPE
 *    of images).
 */
export interface RopeCoordinates {
  readonly kind: 'sections' | 'interleaved' | 'axes';
  readonly sizes: readonly number[];
}

/** Rotary position embedding (Su et al. 2021). The angle of each pair is a running float32 product, as in llama.cpp. */
export interface RopeOptions {
  readonly nHead: number;
  /** Rotated dimensions of each head; the rest is copied. */
  readonly nRot: number;
  /** `norm` rotates pairs (2i, 2i+1), `neox` pairs (i, i + nRot/2). */
  readonly kind: 'norm' | 'neox';
  readonly freqBase: number;
  /** 1 / rope.scaling.factor; default 1. */
  readonly freqScale?: number;
  /** `[nRot / 2]` divisors of the angles (`rope_freqs.weight`). */
  readonly freqFactors?: Weight;
  /** Rotate pairs by several coordinates instead of the position. */
  readonly coordinates?: RopeCoordinates;
  /** YaRN; absent when the file asks for none. */
  readonly yarn?: { extFactor: number; attnFactor: number; betaFast: number; betaSlow: number; nCtxOrig: number };
}

/** Multi-head attention over a packed batch. Tokens see tokens of their own sequence only. */
export interface AttentionOptions {
  readonly nHead: number;
  /** Key/value heads; query head `j` uses kv head `floor(j / (nHead / nHeadKv))`. */
  readonly nHeadKv: number;
  /** Factor on QKᵀ, usually `1 / √headSize`. */
  readonly scale: number;
  /** A token sees itself, earlier positions and what `Batch.ahead` adds. Default false: a token sees its whole sequence. */
  readonly causal?: boolean;
  /** A token sees all tokens of its span of this kind, and no others. Cannot be combined with masks. Default: its sequence. */
  readonly within?: SpanKind;
  readonly window?: Window;
  /** ALiBi `max_bias` (8 for jina-bert-v2): score −= slope(head)·|p − q|. */
  readonly alibiMaxBias?: number;
  /** `c·tanh(score / c)` before the mask (gemma2). */
  readonly softcap?: number;
  /**
   * T5: `[nHead, nBuckets]` in GGUF shape. The bias is added to QKᵀ before `scale`. Buckets are bidirectional; the maximum distance is 128.
   */
  readonly relativeBias?: Weight;
  /** Needs as many key/value heads as heads, and no mask, soft cap or other bias. */
  readonly disentangled?: Disentangled;
}

/**
 * Disentangled attention (DeBERTa, He et al. 2021): the product of a query with a row for its distance to the key, and that of the key with
 * another one, are added to QKᵀ before `scale`. `disentangledRow` gives the row of a distance.
 */
export interface Disentangled {
  /** `[nHead · headSize, nRows]`, multiplied with queries. */
  readonly keys?: Weight;
  /** `[nHead · headSize, nRows]`, multiplied with keys. */
  readonly queries?: Weight;
  readonly nRows: number;
  /** From here on, distances share the last row; shorter ones share rows logarithmically. 0: each distance has a row of its own. */
  readonly maxDistance: number;
}

/** A mixture of experts: softmax over all experts, the best `nUsed`, with unchanged weights unless `renormalise` is set. */
export interface MoeOptions {
  /** `[nEmbd, nExpert]` router. */
  readonly router: Weight;
  /** `[nEmbd, nFf, nExpert]`. */
  readonly up: Weight;
  /** `[nEmbd, nFf, nExpert]`, for gated experts: `act(gate x) · (up x)`. */
  readonly gate?: Weight;
  /** `[nFf, nEmbd, nExpert]`. */
  readonly down: Weight;
  readonly nUsed: number;
  readonly activation: Activation;
  /** Divide the weights of the used experts by their sum (clamped below by 2⁻¹⁴). */
  readonly renormalise?: boolean;
}

/**
 * The rows of a sequence that `pool` keeps, averages, or takes the largest value of in each column. `none` keeps every token's row. `concat`
 * puts the rows of a sequence side by side; all sequences must then have the same number of rows. `mean-sqrt-len` divides the sum of the rows
 * by the root of their number. In `weighted-mean`, the weight of a row is its place in the sequence, from 1.
 */
export type PoolKind = 'none' | 'mean' | 'max' | 'cls' | 'last' | 'concat' | 'mean-sqrt-len' | 'weighted-mean';

/** Receives every named step of a forward: name with layer suffix (`ffn_out-3`), values and shape `[rows, cols]`. */
export type Observer = (name: string, values: Float32Array, rows: number, cols: number) => void;

/** The operations. `T` is the number of tokens of the batch given to `begin`. */
export interface Ops {
  /** Starts a forward over `batch`. All tensors of the previous forward become invalid. */
  begin(batch: Batch): void;

  /**
   * Rows of a table: `[T, n]` from a table of shape `[n, nRows]`.
   * @param options.scale factor on the rows (gemma multiplies by √nEmbd); `add` is added afterwards
   */
  embedding(table: Weight, index: RowIndex, options?: { scale?: number; add?: Tensor } & StepNames<'rows'>): Tensor;

  /**
   * `activation(x Wᵀ + bias) + residual`.
   * @param x `[rows, nIn]`
   * @returns `[rows, nOut]`
   */
  linear(
    x: Tensor,
    layer: Linear,
    options?: { activation?: Activation; residual?: Tensor } & StepNames<'product' | 'biased' | 'activated'>,
  ): Tensor;

  /**
   * Layer norm `(v − mean) / √(var + eps) · w + b` or RMS norm `v / √(mean(v²) + eps) · w`, with `v = x + residual`. With `groups`, each
   * row is cut into that many equal slices, and each slice is normed separately with the same weights `[cols / groups]` (per-head q/k
   * norms).
   * @returns same shape as `x`
   */
  norm(
    x: Tensor,
    weights: NormWeights,
    options: { kind: 'layer' | 'rms'; eps: number; residual?: Tensor; groups?: number } & StepNames<
      'sum' | 'normed' | 'scaled'
    >,
  ): Tensor;

  /** Rotates the heads of `x` `[T, nHead · headSize]` by the tokens' positions. Same shape. */
  rope(x: Tensor, options: RopeOptions & StepNames<never>): Tensor;

  /**
   * Softmax attention inside each sequence.
   * @param q `[T, nHead · headSize]`, `k` `[T, nHeadKv · headSize]`, `v` `[T, nHeadKv · headSizeV]`
   * @returns `[T, nHead · headSizeV]`
   */
  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions & StepNames<'scores' | 'probabilities'>): Tensor;

  /**
   * LFM2's gated short convolution along each sequence (Liquid AI 2025): `c[t] · Σⱼ kernel[j] · b[t + j − back] · x[t + j − back]` in each
   * column, where `b`, `c` and `x` are the thirds of a row. Rows outside the sequence count as zeros, as do those that `Batch.seen` leaves out;
   * the results of the latter are zeros.
   * @param bcx `[T, 3n]`
   * @param kernel `[nTaps, n]` in GGUF shape
   * @param options.causal the last tap is the token itself; else the middle one is (of an even number, the one before the middle)
   * @returns `[T, n]`
   */
  shortConv(bcx: Tensor, kernel: Weight, options: { causal: boolean } & StepNames<never>): Tensor;

  /**
   * The rows around each token side by side, itself in the middle (of an even number, before the middle): a product with the result is a
   * convolution along each sequence. Rows outside the sequence are zeros, as are those that `Batch.seen` leaves out; the results of the latter
   * are zeros.
   * @param x `[T, n]`
   * @returns `[T, size · n]`
   */
  unfold(x: Tensor, size: number, options?: StepNames<never>): Tensor;

  /** `activation(gate) · up`, both `[T, n]`. */
  glu(gate: Tensor, up: Tensor, activation: Activation, options?: StepNames<'activated'>): Tensor;

  /**
   * Mixture-of-experts feed-forward: `[T, nEmbd]` → `[T, nEmbd]`. Experts are added from the highest probability down; equal probabilities
   * in the order of their indices.
   */
  moe(x: Tensor, options: MoeOptions & StepNames<never>): Tensor;

  /** `a + factor · b`, same shape; `factor` is 1 by default. */
  add(a: Tensor, b: Tensor, options?: { factor?: number } & StepNames<never>): Tensor;

  /** Element-wise function, same shape. */
  activate(x: Tensor, activation: Activation | RareActivation, options?: StepNames<never>): Tensor;

  /** Softmax over the columns of each row, same shape. */
  softmax(x: Tensor, options?: StepNames<never>): Tensor;

  /** The columns `[start, start + n)` of `x` as a view; nothing is copied. Every operation accepts views. */
  columns(x: Tensor, start: number, n: number, options?: StepNames<never>): Tensor;

  /**
   * Columns [start, start + n) of the rows that come with the batch (`Batch.given`): `[T, n]`.
   * @param options.instead the rows of tokens without a given row, `[T, n]`; optional if all tokens have one
   * @param options.add the matrix that the rows are added to, `[T, n]`
   * @returns `instead` or `add` itself if the batch gives no rows
   */
  given(start: number, n: number, options?: { instead?: Tensor; add?: Tensor } & StepNames<never>): Tensor;

  /** Matrices with equal numbers of rows, side by side: `[rows, Σ cols]`. */
  concat(parts: readonly Tensor[], options?: StepNames<never>): Tensor;

  /**
   * A mean or the maximum of all rows, the first row or the last row of each sequence, from `Batch.poolFrom` on: `[T, n]` → `[nSeq, n]`. The result is
   * `[T, n]` for `none`, and `[nSeq, k · n]` for `concat` of `k` rows each.
   */
  pool(x: Tensor, kind: PoolKind, options?: StepNames<never>): Tensor;

  /** The values of `x` at this point of the forward, row-major, in memory that the caller owns. */
  read(x: Tensor): Promise<Float32Array>;
}
