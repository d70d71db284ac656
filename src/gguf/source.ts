/**
 * @file Where the bytes of a model come from.
 */

/** Random access to the bytes of one file. Implementations: `file.node.ts` (positioned reads), memory, `Blob`, parts of a split model. */
export interface ByteSource {
  /** What to call it in messages, usually the path. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** Of the open file, where the whole source is one: other threads of this process can read by it. */
  readonly descriptor?: number;
  /**
   * Fills `into` completely with the bytes from `offset` on.
   * @throws GgufError if the source ends before that
   */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Closes what the source holds open. Safe to call twice. */
  close(): Promise<void>;
}
