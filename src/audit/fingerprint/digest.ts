/**
 * @file One digest for the vectors of a fixed set of texts: equal digests mean equal bits.
 */
import type { Embedder } from '../../engine/index.ts';
import { fingerprintTexts } from './texts.ts';

/** SHA-256, in hexadecimal, of the values of all vectors as float32, little-endian. Texts longer than the context are truncated. */
export async function digestVectors(embedder: Pick<Embedder, 'embed'>): Promise<string> {
  const { vectors } = await embedder.embed(fingerprintTexts, { truncate: true });
  const bytes = new DataView(new ArrayBuffer(4 * vectors.reduce((sum, { length }) => sum + length, 0)));
  let at = 0;
  for (const vector of vectors) {
    for (const value of vector) {
      bytes.setFloat32(at, value, true);
      at += 4;
    }
  }
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.buffer));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
