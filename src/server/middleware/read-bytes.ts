/**
 * @file Reads the bytes of a body, enforces its limit, and decompresses it (`Content-Encoding`).
 */
import { HttpError } from '../errors.ts';
import type { ServerRequest } from '../http/messages.ts';

/** The client may still be sending: the connection carries no other request. */
const headers = { Connection: 'close' };

/** Most bytes of a body that is not copied from the memory it arrived in. */
const ONE_PIECE = 1 << 14;

/**
 * Reads and decompresses the body of a request.
 * @param onBytes called with the number of bytes that arrive; reading stops if it throws
 * @throws HttpError for more than `limit` bytes before or after decompression (413), an unsupported encoding (415), or broken data (400)
 */
export async function readBytes(
  request: ServerRequest,
  limit: number,
  onBytes: (n: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new HttpError('payload_too_large_error', `the body is larger than ${limit} bytes`, { headers });
  if (Number(request.header('content-length') ?? 0) > limit) throw tooLarge();
  const packing = packingOf(request.header('content-encoding') ?? '');
  const chunks: Uint8Array[] = [];
  let length = 0;
  const keep = (chunk: Uint8Array) => {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    onBytes(chunk.length);
    chunks.push(chunk);
  };
  if (packing === 'identity') await request.read(keep);
  else await unpack(request, packing, keep);
  // A body that arrived in one piece is that piece. A larger one may be given to another thread, with its memory.
  if (chunks.length === 1 && length <= ONE_PIECE) return chunks[0] as Uint8Array<ArrayBuffer>;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The encoding of a body. Names are case-insensitive, `x-gzip` is gzip, and `identity` is the same as no encoding. */
function packingOf(header: string): string {
  const codings = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  return codings.map((name) => (name === 'x-gzip' ? 'gzip' : name)).join(', ') || 'identity';
}

async function unpack(request: ServerRequest, packing: string, onChunk: (chunk: Uint8Array) => void): Promise<void> {
  if (packing !== 'gzip' && packing !== 'deflate') {
    throw new HttpError(
      'unsupported_media_type_error',
      `Content-Encoding ${packing} is not supported: use gzip, deflate or none`,
    );
  }
  const { readable, writable } = new DecompressionStream(packing);
  const writer = writable.getWriter();
  let isOver = false;
  request
    .read((chunk) => {
      // A write to a stream that nobody reads may wait for ever, and hold up what is left of the body.
      if (isOver) throw new Error('the body is no longer read');
      return writer.write(chunk as Uint8Array<ArrayBuffer>);
    })
    .then(() => writer.close())
    // Who reads gets the error, too.
    .catch((error) => writer.abort(error).catch(() => {}));
  try {
    for await (const chunk of readable as unknown as AsyncIterable<Uint8Array>) onChunk(chunk);
  } catch (error) {
    if (!isUnpackingError(error)) throw error;
    throw new HttpError('invalid_request_error', `the body is not valid ${packing}: ${error.message}`);
  } finally {
    isOver = true;
  }
}

/** The standard requires a TypeError; Node throws an error of zlib. */
function isUnpackingError(error: unknown): error is Error {
  return error instanceof TypeError || String((error as { code?: unknown }).code).startsWith('Z_');
}
