/**
 * @file Destinations for the bytes of a file that is being written.
 */

/** Takes bytes in order. Implementations: `create-file.node.ts` and `memorySink`. */
export interface ByteSink {
  /** The caller may reuse the bytes once the promise resolves. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Collects what is written. */
export function memorySink(): ByteSink & { bytes(): Uint8Array<ArrayBuffer> } {
  const pieces: Uint8Array[] = [];
  return {
    async write(bytes) {
      pieces.push(bytes.slice());
    },
    bytes() {
      const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
      let at = 0;
      for (const piece of pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      return all;
    },
  };
}
