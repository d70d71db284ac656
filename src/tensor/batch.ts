/**
 * @file What a forward pass computes with: the tokens of several sequences, end to end, and what belongs to each of them.
 */

/** Parts of a batch that a token may see instead of its sequence: the image that its patch belongs to, or the window inside the image. */
export type SpanKind = 'image' | 'window';

/** One packed batch: `T` tokens of `nSeq` sequences, end to end. */
export interface Batch {
  /** `[T]` token ids, each checked to be inside the vocabulary. */
  readonly ids: Int32Array;
  /** `[T]` position of each token in its sequence, from 0. */
  readonly positions: Int32Array;
  /** `[nSeq + 1]` row where each sequence begins; the last entry is `T`. */
  readonly offsets: Int32Array;
  /** `[T]` token type of each token: 1 in the second text of a pair, else 0. Default: 0 for all. */
  readonly types?: Int32Array;
  /** `[T, 4]` the coordinates for `RopeOptions.coordinates`. Default: three times the position, and 0. */
  readonly coordinates?: Int32Array;
  /**
   * `[T]` the number of later tokens that each token sees in causal attention. A token of an image sees the whole rest of the image.
   * Default: 0 for all.
   */
  readonly ahead?: Int32Array;
  /**
   * `[nSeq]` how many tokens at the beginning of each sequence its tokens see. Those after them, with which a query is filled up, see only
   * these, neither themselves nor each other. Default: all.
   */
  readonly seen?: Int32Array;
  /** `[nSeq]` the row at which pooling of each sequence begins. Default: its first row. */
  readonly poolFrom?: Int32Array;
  /** Rows that do not come from a table. */
  readonly given?: GivenRows;
  /** For each kind, the row where each span begins; the last entry is `T`. */
  readonly spans?: Readonly<Partial<Record<SpanKind, Int32Array>>>;
  /** The scale of each adapter that the model was loaded with. Default: none is applied. */
  readonly adapters?: readonly number[];
  /** Mixtures of table rows: token `t` takes `Σ weights[t] · table[rows[t]]` over the terms. Each term is one `embedding` operation. */
  readonly mixture?: readonly MixtureTerm[];
}

/** Rows that come with a batch: pixels of patches, or the output of a vision tower for an image. */
export interface GivenRows {
  /** `[n, width]` */
  readonly values: Float32Array;
  readonly width: number;
  /** `[T]` the row of each token; −1: none. */
  readonly at: Int32Array;
}

/** One term of a mixture of table rows, both `[T]`. */
export interface MixtureTerm {
  readonly rows: Int32Array;
  readonly weights: Float32Array;
}

/** How each token chooses its table row: by its id, its position, its token type, always row 0, or by a term of the batch's mixture. */
export type RowIndex = 'ids' | 'positions' | 'types' | 'zero' | { readonly term: number };
