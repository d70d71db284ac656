/**
 * @file The bytes behind token texts: U+2581 as space, `<0xHH>` as a byte.
 */

/** The text with every U+2581 turned into a space. */
export function unescapeSpaces(text: Uint8Array): Uint8Array {
  const out = new Uint8Array(text.length);
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === 0xe2 && text[i + 1] === 0x96 && text[i + 2] === 0x81) {
      out[n++] = 0x20;
      i += 2;
    } else {
      out[n++] = text[i];
    }
  }
  return out.subarray(0, n);
}
