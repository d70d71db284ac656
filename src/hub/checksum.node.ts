/**
 * @file Checks that a file has the hash by which the cache names it.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { HubError } from './errors.ts';

/** Bytes of one read. */
const READ_BYTES = 2 ** 20;

/**
 * Compares a file with its oid: 64 digits are the sha256 of the bytes, 40 the id that git gives them.
 * @throws HubError when they differ; the signal's reason
 */
export async function checkBytes(path: string, oid: string, size: number, signal?: AbortSignal): Promise<void> {
  const isSha256 = oid.length === 64;
  const hash = createHash(isSha256 ? 'sha256' : 'sha1');
  if (!isSha256) hash.update(`blob ${size}\0`);
  for await (const bytes of createReadStream(path, { highWaterMark: READ_BYTES, signal })) hash.update(bytes);
  const found = hash.digest('hex');
  if (found === oid) return;
  const what = isSha256 ? 'sha256' : 'git id';
  throw new HubError('checksum', `the downloaded bytes have the ${what} ${found} instead of ${oid}`);
}
