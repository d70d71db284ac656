/**
 * @file Packs inputs into one batch: sequences end to end. An input consists of tokens, or of texts and images in turn.
 */
import type { Batch } from '../tensor/batch.ts';
import type { ImageInput } from './architecture.ts';
import type { TokenGrid, Tower } from './vision/tower.ts';

/** An image inside an input: the rows of its tokens in raster order, `[nx · ny, width]`. */
export interface ImageChunk extends TokenGrid {
  readonly rows: Float32Array;
}

/** A part of an input: token ids of a text, or an image. */
export type Chunk = Int32Array | ImageChunk;

/** One input: token ids, or texts and images in turn. */
export type Input = Int32Array | readonly Chunk[];

/** How a model takes images, and which part of an input with images is pooled. */
export interface PackRules {
  readonly images: ImageInput;
  /** What each token of an image sees: only earlier tokens, or the whole image. */
  readonly sees: Tower['sees'];
  /** Pool only the text after the last image, as llama.cpp does, or the whole input. `last` and `rank` take the last token in any case. */
  readonly pools: 'text after images' | 'whole';
}

/** The number of tokens in an input. */
export function countTokens(input: Input): number {
  return chunksOf(input).reduce((sum, chunk) => sum + lengthOf(chunk), 0);
}

/**
 * Puts inputs end to end.
 * @param pairStarts where the second text begins, for inputs that are pairs
 * @param rules required if an input has an image
 * @param poolFrom the token at which pooling of each input begins; those of inputs without a number begin at their first, or behind their last image
 * @param seen how many tokens at the beginning of each input its tokens see; those of inputs without a number see all
 */
export function packInputs(
  inputs: readonly Input[],
  pairStarts: readonly (number | undefined)[] = [],
  rules?: PackRules,
  seen: readonly (number | undefined)[] = [],
  poolFrom: readonly (number | undefined)[] = [],
): Batch {
  const nTokens = inputs.reduce((sum, input) => sum + countTokens(input), 0);
  const ids = new Int32Array(nTokens);
  const positions = new Int32Array(nTokens);
  const offsets = new Int32Array(inputs.length + 1);
  const types = pairStarts.some((start) => start !== undefined) ? new Int32Array(nTokens) : undefined;
  let row = 0;
  for (const [seq, input] of inputs.entries()) {
    const begin = row;
    for (const chunk of chunksOf(input)) {
      if (!isImage(chunk)) ids.set(chunk, row);
      row += lengthOf(chunk);
    }
    for (let i = begin; i < row; i++) positions[i] = i - begin;
    types?.fill(1, begin + (pairStarts[seq] ?? row - begin), row);
    offsets[seq + 1] = row;
  }
  const seenTokens = seen.some((n) => n !== undefined)
    ? Int32Array.from(inputs, (input, seq) => seen[seq] ?? countTokens(input))
    : undefined;
  const from = poolFrom.some((n) => n !== undefined)
    ? offsets.slice(0, -1).map((begin, seq) => begin + (poolFrom[seq] ?? 0))
    : undefined;
  const text = {
    ids,
    positions,
    offsets,
    ...(types && { types }),
    ...(seenTokens && { seen: seenTokens }),
    ...(from && { poolFrom: from }),
  };
  const images = inputs.flatMap((input) => chunksOf(input).filter(isImage));
  if (images.length === 0) return text;
  if (rules === undefined) throw new Error('inputs with images need to know how the model takes them');
  return { ...text, ...imageFields(inputs, images, nTokens, rules) };
}

/** What a batch with images needs in addition. */
function imageFields(
  inputs: readonly Input[],
  images: readonly ImageChunk[],
  nTokens: number,
  { images: { width, positions }, sees, pools }: PackRules,
): Partial<Batch> {
  const values = new Float32Array(images.reduce((sum, { rows }) => sum + rows.length, 0));
  const at = new Int32Array(nTokens).fill(-1);
  const ahead = sees === 'image' ? new Int32Array(nTokens) : undefined;
  const coordinates = positions === 'grid' ? new Int32Array(4 * nTokens) : undefined;
  const poolFrom = new Int32Array(inputs.length);
  let [row, nGiven] = [0, 0];
  for (const [seq, input] of inputs.entries()) {
    let position = 0;
    let isBehindImage = false;
    poolFrom[seq] = row;
    for (const chunk of chunksOf(input)) {
      const n = lengthOf(chunk);
      if (!isImage(chunk)) {
        if (isBehindImage && n > 0) poolFrom[seq] = row;
        isBehindImage &&= n === 0;
        for (let i = 0; i < n; i++) coordinates?.fill(position + i, 4 * (row + i), 4 * (row + i) + 3);
        position += n;
      } else {
        checkRows(chunk, width);
        values.set(chunk.rows, nGiven * width);
        for (let i = 0; i < n; i++) {
          at[row + i] = nGiven + i;
          if (ahead) ahead[row + i] = n - 1 - i;
          const [x, y] = [i % chunk.nx, Math.floor(i / chunk.nx)];
          coordinates?.set([position, position + y, position + x], 4 * (row + i));
        }
        nGiven += n;
        isBehindImage = true;
        // The next text continues after the larger side.
        position += Math.max(chunk.nx, chunk.ny);
      }
      row += n;
    }
  }
  return {
    given: { values, width, at },
    ...(ahead && { ahead }),
    ...(coordinates && { coordinates }),
    ...(pools !== 'whole' && { poolFrom }),
  };
}

function checkRows({ rows, nx, ny }: ImageChunk, width: number): void {
  if (rows.length !== nx * ny * width) {
    throw new Error(`an image of ${nx}x${ny} tokens has ${rows.length} values, not rows of ${width}`);
  }
}

function chunksOf(input: Input): readonly Chunk[] {
  return Array.isArray(input) ? input : [input as Int32Array];
}

function lengthOf(chunk: Chunk): number {
  return isImage(chunk) ? chunk.nx * chunk.ny : chunk.length;
}

function isImage(chunk: Chunk): chunk is ImageChunk {
  return 'rows' in chunk;
}
