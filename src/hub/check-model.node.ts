/**
 * @file Checks by its first bytes that a file downloaded as a model is a GGUF.
 */
import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { describeFormat, HEAD_BYTES } from '../gguf/index.ts';
import { HubError } from './errors.ts';

/** Bytes to read; if they are packed, they contain the first `HEAD_BYTES` bytes of any GGUF. */
export const CHECKED_BYTES = 64 * 1024;

/** The file is no GGUF, so that none of its bytes are worth keeping. */
export class NoModelError extends HubError {}

/**
 * Checks the first bytes of a file, after unpacking them if it is packed with gzip.
 * @param source where the file comes from, for the message
 * @throws NoModelError that says what the file is instead of a GGUF
 */
export async function checkModel(path: string, source: string): Promise<void> {
  const head = unpacked(await readHead(path));
  if (new TextDecoder('latin1').decode(head.subarray(0, 4)) === 'GGUF') return;
  const begin = Buffer.from(head.subarray(0, 4)).toString('hex');
  const format = describeFormat(head, 'gguf');
  const found = format === undefined ? `begins with the bytes ${begin}` : `is ${format}`;
  throw new NoModelError('bad-answer', `${source} is not a GGUF file: it ${found}`);
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(CHECKED_BYTES), 0, CHECKED_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function unpacked(bytes: Uint8Array): Uint8Array {
  const head = bytes.subarray(0, HEAD_BYTES);
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return head;
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, HEAD_BYTES);
  } catch {
    return head;
  }
}
