/**
 * @file The one error that a bad file gives.
 */

/** Where in a file something is wrong. */
export interface GgufErrorPlace {
  /** Metadata key. */
  readonly key?: string;
  /** Tensor name. */
  readonly tensor?: string;
  /** Byte offset from the start of the file. */
  readonly offset?: number;
}

/** A file that is not a GGUF, is damaged, or breaks a limit. The message says what was found, where, and what was expected. */
export class GgufError extends Error {
  readonly key: string | undefined;
  readonly tensor: string | undefined;
  readonly offset: number | undefined;

  constructor(message: string, place: GgufErrorPlace = {}) {
    const where = [
      place.key === undefined ? '' : `key ${JSON.stringify(place.key)}`,
      place.tensor === undefined ? '' : `tensor ${JSON.stringify(place.tensor)}`,
      place.offset === undefined ? '' : `byte ${place.offset}`,
    ].filter((part) => part !== '');
    super(where.length === 0 ? message : `${message} (${where.join(', ')})`);
    this.name = 'GgufError';
    this.key = place.key;
    this.tensor = place.tensor;
    this.offset = place.offset;
  }
}
