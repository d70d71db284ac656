/**
 * @file GET /models/sse: what happens to the models, as server-sent events.
 */

/** Events that a client may be behind; it is cut off then, so that a slow one costs no memory. */
const MAX_BEHIND = 1024;

const encoder = new TextEncoder();

/** Sends events to all clients that listen. */
export class ModelEvents {
  readonly #clients = new Set<ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>>();

  /** The body of an answer: the events from now on. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let client: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
    return new ReadableStream(
      {
        start: (controller) => {
          client = controller;
          this.#clients.add(client);
        },
        cancel: () => {
          this.#clients.delete(client);
        },
      },
      new CountQueuingStrategy({ highWaterMark: MAX_BEHIND }),
    );
  }

  /**
   * Sends an event.
   * @param model its name; `*` for all
   */
  send(model: string, event: string, data?: object): void {
    if (this.#clients.size === 0) return;
    const bytes = encoder.encode(`data: ${JSON.stringify({ model, event, ...(data && { data }) })}\n\n`);
    for (const client of this.#clients) {
      client.enqueue(bytes);
      if ((client.desiredSize ?? 0) > 0) continue;
      this.#clients.delete(client);
      client.error(new Error('the client reads no events'));
    }
  }

  /** Ends all streams. */
  close(): void {
    for (const client of this.#clients) client.close();
    this.#clients.clear();
  }
}
