/**
 * @file The exports of the module. Tiles and inner loops are exported too, so that the compiler does not inline them into their callers
 * (the engine then optimises each separately), and because the self-check and the benchmark call them.
 */
export { attendSequence, quantizeSequence } from './attention';
export { fillAlibi, fillRelative } from './attention-bias';
export { RELATIVE_BYTES, SEGMENT_BYTES, attentionBytes, quantizedHeadBytes, setRelative, setSegment } from './attention-layout';
export {
  addSums, biasColumns, capColumns, expColumns, invertColumns, largestColumns, multiplyColumns, pairColumns, raiseLargest, scaleScores, shareColumns, shareScales,
} from './columns';
export { embedRows } from './embed';
export { STRIP_BYTES, activateRows, addRows, addScaledRows, addTile, finishStrip, geluErfRow, geluQuickRow, geluRow, gluRows, scaleTile, scaleTileU8, siluRow } from './epilogue';
export { expandQ8 } from './expand-q8';
export { blockI16, linearF32, linearI16, linearLow, linearU8, sumsF32, sumsI16, sumsLow, sumsU8, tilesF32, tilesI16, tilesLow, tilesU8 } from './linear';
export { EXPANDED_BYTES, linearQ8, sumsQ8, tilesQ8 } from './linear-q8';
export { GELU, GELU_ERF, GELU_QUICK, RELU, SILU, TANH, initialize } from './math';
export { expSum, normRows, softmaxRows } from './norm';
export { absoluteSum, packPanelF32, packPanelI16 } from './pack';
export { packPanelLow } from './pack-low-bit';
export { packPanelQ8 } from './pack-q8';
export { copyRows, gatherExpert, maxRows, mixExperts, routeRows, scatterRows, sumRows } from './pool';
export { largestBits, quantizeBlock, quantizeGroup, quantizeRows } from './quantize';
export { startSums } from './quantize-low-bit';
export { groupScales, joinGroups, quantizeByNorm, squareSum } from './quantize-norm';
export { packPanelI8, quantizeGroupU8, quantizeRowsU8, sumsOf32 } from './quantize-u8';
export { fillRope, ropeRows } from './rope';
export { shortConvRows } from './short-conv';
export { tileF32x1x16, tileF32x4x16, tileF32x4x8, tileF32x6x16 } from './tile-f32';
export { tileI16x1x16, tileI16x2x16, tileI16x4x16, tileI16x4x8 } from './tile-i16';
export { tileLow4x16, tileLow4x8 } from './tile-low-bit';
export { tileQ8x4x16, tileQ8x4x8 } from './tile-q8';
export { tileU8x4x16, tileU8x6x16 } from './tile-u8';
export { scaleRows, transpose } from './transpose';
export { unpackRow, unpackRows } from './unpack';
