/**
 * @file The strings of a metadata array as one run of bytes.
 */
import type { PackedTexts, StringArray } from '../gguf/index.ts';

/** The part of `StringArray` that this file reads. */
export type Strings = Pick<StringArray, 'length' | 'bytes' | 'pack'>;

/**
 * Concatenates all strings.
 * @param ifEmpty replaces an empty string `i`; by default it stays empty
 */
export function packTexts(strings: Strings, ifEmpty?: (i: number) => Uint8Array): PackedTexts {
  const packed = strings.pack?.();
  if (packed && !(ifEmpty && hasEmpty(packed.offsets))) return packed;
  const texts = Array.from({ length: strings.length }, (_, i) => {
    const text = strings.bytes(i);
    return text.length === 0 && ifEmpty ? ifEmpty(i) : text;
  });
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + text.length, 0));
  const offsets = new Uint32Array(texts.length + 1);
  texts.forEach((text, i) => {
    bytes.set(text, offsets[i]);
    offsets[i + 1] = offsets[i] + text.length;
  });
  return { bytes, offsets };
}

function hasEmpty(offsets: Uint32Array): boolean {
  for (let i = 1; i < offsets.length; i++) if (offsets[i] === offsets[i - 1]) return true;
  return false;
}
