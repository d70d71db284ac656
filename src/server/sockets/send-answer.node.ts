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

/** Sends an answer. Resolves when its last byte is handed over. */
export async function sendAnswer({ status, headers, body }: Answer, outgoing: ServerResponse): Promise<void> {
  const fields: Record<string, string | number> = Object.fromEntries(headers.entries());
  if (typeof body === 'string') fields['Content-Length'] = Buffer.byteLength(body);
  else if (body instanceof Uint8Array) fields['Content-Length'] = body.length;
  outgoing.writeHead(status, fields);
  if (body === null) outgoing.end();
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
  outgoing.once('close', () => {
    if (incoming.readableEnded || incoming.destroyed) return;
    let nBytes = 0;
    const end = () => {
      clearTimeout(timer);
      incoming.off('data', count);
    };
    const giveUp = () => {
      end();
      incoming.socket.destroySoon();
    };
    const timer = setTimeout(giveUp, REST_TIME).unref();
    const count = (chunk: Uint8Array) => {
      nBytes += chunk.length;
      if (nBytes > REST_BYTES) giveUp();
    };
    incoming.on('data', count).once('end', end).once('error', end).once('close', end).resume();
  });
}
