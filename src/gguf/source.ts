/**
 * @file Where the bytes of a model come from.
 */

/** Reads from a file after loading, for weights that are not read at once. The file stays open for as long as its model is used. */
export interface OnDemandReads {
  /**
   * Fills `into` with the bytes from `offset` on before it returns.
   * @throws GgufError if the file ends before that, or cannot be read
   */
  read(offset: number, into: Uint8Array): void;
  /** @throws GgufError if the file has been written to since loading began */
  assertUnchanged(): void;
}

/** Random access to the bytes of one file. Implementations: `file.node.ts` (positioned reads), memory, `Blob`, parts of a split model. */
export interface ByteSource {
  /** What to call it in messages, usually the path. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** Of the open file, where the whole source is one: other threads of this process can read by it. */
  readonly descriptor?: number;
  /** Where the source stays open after loading. */
  readonly onDemand?: OnDemandReads;
  /**
   * Fills `into` completely with the bytes from `offset` on.
   * @throws GgufError if the source ends before that
   */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Closes what the source holds open. Safe to call twice. */
  close(): Promise<void>;
}

/** Closes a source that could not be used: the error of that counts, not one of closing. */
export async function closeUnused(source: ByteSource): Promise<void> {
  try {
    await source.close();
  } catch {}
}
