/**
 * @file Sends answers through Node's HTTP server.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../http/messages.ts';

/** Most bytes of a body that is sent together with the header, as one string: one buffer less to hand to the system. */
const SMALL_BODY = 1 << 16;
/** Milliseconds for the rest of a body that nobody reads. */
const REST_TIME = 500;
/** Most bytes of such a rest. */
const REST_BYTES = 64 * 2 ** 20;

/**
 * Sends an answer, the last one of its connection if it has `Connection: close`. Resolves when its last byte is handed over.
 * @param incoming the request
 */
export async function sendAnswer(
  { status, headers, body }: Answer,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const fields: Record<string, string | number> = Object.fromEntries(headers.entries());
  if (typeof body === 'string') fields['Content-Length'] = Buffer.byteLength(body);
  else if (body instanceof Uint8Array) fields['Content-Length'] = body.length;
  outgoing.writeHead(status, fields);
  if (fields.Connection === 'close' && typeof body === 'string') {
    outgoing.write(body);
    // Closing with bytes unread would reset the connection, and the client could lose the answer.
    await readRest(incoming);
    outgoing.end();
  } else if (body === null) outgoing.end();
  else if (body instanceof Uint8Array && body.length <= SMALL_BODY) {
    // Every byte is a character of Latin-1.
    outgoing.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1');
  } else if (typeof body === 'string' || body instanceof Uint8Array) outgoing.end(body);
  else await sendStream(body, outgoing);
}

/** Sends a body piece by piece, as fast as the client reads. Cancels it when the client disconnects. */
async function sendStream(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  if (outgoing.destroyed) return cancel();
  outgoing.once('close', cancel);
  outgoing.flushHeaders();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (outgoing.write(next.value)) continue;
      await new Promise<void>((resolve) => outgoing.once('drain', resolve).once('close', resolve));
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy(error as Error);
  }
}

/**
 * Once a request is answered, reads what is left of its body, so that the connection can carry the next request. Ends the connection if
 * that takes too long.
 */
export function discardRest(incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.once('close', async () => {
    if (!(await readRest(incoming))) incoming.socket.destroySoon();
  });
}

/** Reads what is left of a body, up to a time and a number of bytes. @returns whether nothing more comes */
function readRest(incoming: IncomingMessage): Promise<boolean> {
  if (incoming.readableEnded || incoming.destroyed) return Promise.resolve(true);
  return new Promise((resolve) => {
    let nBytes = 0;
    const stop = (isOver: boolean) => {
      clearTimeout(timer);
      incoming.off('data', count).off('end', end).off('error', end).off('close', end);
      resolve(isOver);
    };
    const end = () => stop(true);
    const timer = setTimeout(stop, REST_TIME, false).unref();
    const count = (chunk: Uint8Array) => {
      nBytes += chunk.length;
      if (nBytes > REST_BYTES) stop(false);
    };
    incoming.on('data', count).on('end', end).on('error', end).on('close', end).resume();
  });
}
