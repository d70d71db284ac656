/**
 * @file The headers of an answer.
 */

/** What a value must not have: line breaks would begin another header, and characters beyond Latin-1 are no bytes. */
const forbidden = /[^\t\x20-\x7e\x80-\xff]/;

/** Headers by their case-insensitive names. Names leave in the spelling in which they were set. */
export class AnswerHeaders {
  readonly #fields = new Map<string, readonly [name: string, value: string]>();

  /** Sets a header. @throws TypeError for a value that no header can have */
  set(name: string, value: string): void {
    if (forbidden.test(value)) throw new TypeError(`invalid value of the header ${name}: ${JSON.stringify(value)}`);
    this.#fields.set(name.toLowerCase(), [name, value]);
  }

  /** Adds a value to a header that is a list. Throws what `set` throws. */
  append(name: string, value: string): void {
    const before = this.#fields.get(name.toLowerCase())?.[1];
    this.set(name, before === undefined ? value : `${before}, ${value}`);
  }

  /** Names and values, in the order of the names. */
  entries(): (readonly [name: string, value: string])[] {
    return Array.from(this.#fields)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, field]) => field);
  }
}
