/**
 * @file Removes the spaces that word-based vocabularies leave before punctuation, in three passes over the bytes.
 */

const SPACE = 0x20;
const APOSTROPHE = 0x27;

/** `Hello , it 's` becomes `Hello, it's`. The passes are llama.cpp's, after Hugging Face's `clean_up_tokenization_spaces`. */
export function cleanSpaces(bytes: Uint8Array): Uint8Array {
  return joinContractions(closeApostrophes(dropBeforeMarks(bytes)));
}

/** Drops a space before `?`, `!`, `.` and `,`. */
function dropBeforeMarks(bytes: Uint8Array): Uint8Array {
  return filter(bytes, (i) => {
    const next = bytes[i + 1];
    return bytes[i] === SPACE && (next === 0x3f || next === 0x21 || next === 0x2e || next === 0x2c);
  });
}

/** Turns ` ' ` into `'`. A space that one apostrophe has used does not count for the next. */
function closeApostrophes(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let n = 0;
  let gone = -1;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === APOSTROPHE && bytes[i - 1] === SPACE && bytes[i + 1] === SPACE && gone !== i - 1) {
      out[n - 1] = APOSTROPHE;
      gone = ++i;
    } else {
      out[n++] = bytes[i];
    }
  }
  return out.subarray(0, n);
}

/** Drops the space before `'s`, `'m`, `'re` and `'ve`. */
function joinContractions(bytes: Uint8Array): Uint8Array {
  return filter(bytes, (i) => {
    if (bytes[i] !== SPACE || bytes[i + 1] !== APOSTROPHE) return false;
    const a = bytes[i + 2];
    return a === 0x73 || a === 0x6d || ((a === 0x72 || a === 0x76) && bytes[i + 3] === 0x65);
  });
}

/** The bytes without those whose index `skip` accepts. */
function filter(bytes: Uint8Array, skip: (i: number) => boolean): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let n = 0;
  for (let i = 0; i < bytes.length; i++) if (!skip(i)) out[n++] = bytes[i];
  return out.subarray(0, n);
}
