/**
 * @file Assigns memory to the intermediates of a forward. A range can be reused as soon as it is given back. The backend chooses the unit.
 */

/** A first-fit allocator over an unbounded region. */
export class Allocator {
  readonly #alignment: number;
  /** Free ranges below `#end`, by offset; no two touch. */
  #free: { offset: number; size: number }[] = [];
  #end = 0;

  /** @param alignment offsets are multiples of this */
  constructor(alignment = 1) {
    this.#alignment = alignment;
  }

  /** The largest extent of the region that has been in use. */
  get end(): number {
    return this.#end;
  }

  /** The offset of a range of `size`. */
  take(size: number): number {
    const n = this.#rounded(size);
    const at = this.#free.findIndex((range) => range.size >= n);
    if (at < 0) return this.#extend(n);
    const range = this.#free[at];
    const { offset } = range;
    range.offset += n;
    range.size -= n;
    if (range.size === 0) this.#free.splice(at, 1);
    return offset;
  }

  /** Gives a range of `size` back. */
  give(offset: number, size: number): void {
    const range = { offset, size: this.#rounded(size) };
    let at = this.#free.findIndex((other) => other.offset > offset);
    if (at < 0) at = this.#free.length;
    const next = this.#free[at];
    if (next !== undefined && range.offset + range.size === next.offset) {
      range.size += next.size;
      this.#free.splice(at, 1);
    }
    const previous = this.#free[at - 1];
    if (previous !== undefined && previous.offset + previous.size === range.offset) {
      previous.size += range.size;
    } else {
      this.#free.splice(at, 0, range);
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
