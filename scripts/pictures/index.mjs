/** @file The pictures of the documentation that are drawn from what the code does, by file name. */
import { q4k, q8 } from './blocks.mjs';
import { panel, workgroup } from './tiles.mjs';
import { merges, unigram, wordPiece } from './words.mjs';

/** @returns the text of each SVG; @throws Error if the code no longer does what a picture shows */
export async function pictures() {
  return {
    'wordpiece.svg': await wordPiece(),
    'bpe-merges.svg': await merges(),
    'unigram-lattice.svg': await unigram(),
    'block-q8_0.svg': await q8(),
    'block-q4_k.svg': await q4k(),
    'panel-int16.svg': await panel(),
    'workgroup-tile.svg': await workgroup(),
  };
}
