/**
 * @file Reads the bytes of a body, enforces its limit, and decompresses it (`Content-Encoding`).
 */
import { HttpError } from '../errors.ts';

/** Bodies up to this many bytes are read at once, which is faster. */
const AT_ONCE = 1 << 16;

/**
 * Reads and decompresses the body of a request.
 * @param onBytes called with the number of bytes that arrive; reading stops if it throws
 * @throws HttpError for more than `limit` bytes before or after decompression (413), an unsupported encoding (415), or broken data (400)
 */
export async function readBytes(
  request: Request,
  limit: number,
  onBytes: (n: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new HttpError('payload_too_large_error', `the body is larger than ${limit} bytes`);
  const declared = request.headers.get('content-length');
  if (Number(declared ?? 0) > limit) throw tooLarge();
  const packing = packingOf(request.headers);
  if (packing === 'identity' && declared !== null && Number(declared) <= AT_ONCE) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    onBytes(bytes.length);
    return bytes;
  }
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of unpack(request.body, packing)) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    onBytes(chunk.length);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The encoding of a body. Names are case-insensitive, `x-gzip` is gzip, and `identity` is the same as no encoding. */
function packingOf(headers: Headers): string {
  const names = (headers.get('content-encoding') ?? '').toLowerCase().split(',');
  const codings = names.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  return codings.map((name) => (name === 'x-gzip' ? 'gzip' : name)).join(', ') || 'identity';
}

async function* unpack(body: ReadableStream<Uint8Array<ArrayBuffer>>, packing: string): AsyncGenerator<Uint8Array> {
  const known = packing === 'gzip' || packing === 'deflate';
  if (!known && packing !== 'identity') {
    throw new HttpError(
      'unsupported_media_type_error',
      `Content-Encoding ${packing} is not supported: use gzip, deflate or none`,
    );
  }
  const bytes = known ? body.pipeThrough(new DecompressionStream(packing)) : body;
  try {
    yield* bytes as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!known || !isUnpackingError(error)) throw error;
    throw new HttpError('invalid_request_error', `the body is not valid ${packing}: ${error.message}`);
  }
}

/** The standard requires a TypeError; Node throws an error of zlib. */
function isUnpackingError(error: unknown): error is Error {
  return error instanceof TypeError || String((error as { code?: unknown }).code).startsWith('Z_');
}
