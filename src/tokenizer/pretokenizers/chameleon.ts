/**
 * @file The codes that Chameleon's pre-tokenizer does not split.
 */
import { utf8 } from '../utf8.ts';
import { chain, type Match, type Splitter, scanner } from './scanner.ts';

const SENTINEL = utf8('<sentinel:');
const IMAGE = utf8('IMGIMG');

/** `<sentinel:[0-9]+>` */
const sentinel: Match = (bytes, pos, end) => {
  const from = skip(bytes, pos, end, SENTINEL);
  if (from === pos) return pos;
  let to = from;
  while (to < end && bytes[to] >= 0x30 && bytes[to] <= 0x39) to++;
  return to > from && to < end && bytes[to] === 0x3e ? to + 1 : pos;
};

/** `IMGIMG[A-I]{1,4}Z` */
const image: Match = (bytes, pos, end) => {
  const from = skip(bytes, pos, end, IMAGE);
  if (from === pos) return pos;
  let to = from;
  while (to < end && to < from + 4 && bytes[to] >= 0x41 && bytes[to] <= 0x49) to++;
  return to > from && to < end && bytes[to] === 0x5a ? to + 1 : pos;
};

/** A tab, a newline, four spaces or two spaces. */
const indent: Match = (bytes, pos, end) => {
  if (bytes[pos] === 0x09 || bytes[pos] === 0x0a) return pos + 1;
  let to = pos;
  while (to < end && to < pos + 4 && bytes[to] === 0x20) to++;
  return to === pos + 4 ? to : to >= pos + 2 ? pos + 2 : pos;
};

export const chameleonCodes: Splitter = chain(scanner(sentinel), scanner(image), scanner(indent));

/** The index after `text` if it is at `pos`, else `pos`. */
function skip(bytes: Uint8Array, pos: number, end: number, text: Uint8Array): number {
  if (pos + text.length > end) return pos;
  for (let i = 0; i < text.length; i++) if (bytes[pos + i] !== text[i]) return pos;
  return pos + text.length;
}
