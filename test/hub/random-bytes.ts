/**
 * @file Bytes that look random and are the same at each run, behind the first ones of a GGUF.
 */

/** `length` bytes: `GGUF`, then those of a generator (xorshift) that starts from `seed`. */
export function randomBytes(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e3779b9 ^ seed;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const bytes = new Uint8Array(words.buffer, 0, length);
  bytes.set(new TextEncoder().encode('GGUF'));
  return bytes;
}
