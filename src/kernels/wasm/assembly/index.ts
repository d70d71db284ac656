/**
 * @file Everything the module exports. Tiles and inner loops are exported too: that keeps the compiler from folding them
 * into their callers (each is then optimised by the engine on its own), and the self-check and the benchmark call them.
 */
export { attendSequence, attentionScratch, fillAlibi, fillRelative, mixRows, packKeys, packValues, scoreRows } from './attention';
export { embedRows } from './embed';
export { activateRows, addRows, addTile, finishPanel, geluRow, gluRows, scaleTile, siluRow } from './epilogue';
export { blockF32, blockI16, linearF32, linearI16 } from './linear';
export { initialize } from './math';
export { expRow, expSum, normRows, softmaxRows } from './norm';
export { absoluteSum, packPanelF32, packPanelI16 } from './pack';
export { copyRows, gatherExpert, mixExperts, routeRows, scatterRows, sumRows } from './pool';
export { largestBits, quantizeBlock, quantizeGroup, quantizeRows } from './quantize';
export { fillRope, ropeRows } from './rope';
export { tileF32x1x16, tileF32x4x16, tileF32x4x8 } from './tile-f32';
export { tileI16x4x16, tileI16x4x8 } from './tile-i16';
export { unpackRow, unpackRows } from './unpack';
