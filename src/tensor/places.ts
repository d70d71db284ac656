/**
 * @file Where the intermediates of a forward lie in a region of memory, for the backends that plan it: places are used again as soon as
 * they are given back. In whatever unit the backend counts.
 */

/** A first-fit allocator over a region without an end. */
export class Places {
  readonly #alignment: number;
  /** Free places below `#end`, by offset; no two touch. */
  #free: { offset: number; size: number }[] = [];
  #end = 0;

  /** @param alignment places begin at its multiples */
  constructor(alignment = 1) {
    this.#alignment = alignment;
  }

  /** How much of the region has been in use since the last `reset`. */
  get end(): number {
    return this.#end;
  }

  /** Forgets everything. */
  reset(): void {
    this.#free = [];
    this.#end = 0;
  }

  /** A place of `size`. */
  take(size: number): number {
    const n = this.#rounded(size);
    const at = this.#free.findIndex((place) => place.size >= n);
    if (at < 0) return this.#extend(n);
    const place = this.#free[at];
    const { offset } = place;
    place.offset += n;
    place.size -= n;
    if (place.size === 0) this.#free.splice(at, 1);
    return offset;
  }

  /** Gives a place of `size` back. */
  give(offset: number, size: number): void {
    const place = { offset, size: this.#rounded(size) };
    let at = this.#free.findIndex((other) => other.offset > offset);
    if (at < 0) at = this.#free.length;
    const next = this.#free[at];
    if (next !== undefined && place.offset + place.size === next.offset) {
      place.size += next.size;
      this.#free.splice(at, 1);
    }
    const previous = this.#free[at - 1];
    if (previous !== undefined && previous.offset + previous.size === place.offset) {
      previous.size += place.size;
    } else {
      this.#free.splice(at, 0, place);
    }
  }

  #extend(n: number): number {
    const last = this.#free.at(-1);
    const touches = last !== undefined && last.offset + last.size === this.#end;
    const offset = touches ? this.#free.pop()!.offset : this.#end;
    this.#end = offset + n;
    return offset;
  }

  #rounded(size: number): number {
    return Math.ceil(Math.max(size, 1) / this.#alignment) * this.#alignment;
  }
}
