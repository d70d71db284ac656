/**
 * @file Where the intermediates of a forward lie: one region of memory, places are reused as soon as their last reader is
 * recorded. Offsets are in 32-bit values.
 */

/** Places begin at multiples of this, so that vec4 loads are aligned. */
const alignment = 64;

/** A first-fit allocator over a region without an end. */
export class Arena {
  /** Free places below `#top`, by offset; no two touch. */
  #free: { offset: number; size: number }[] = [];
  #top = 0;
  #highest = 0;

  /** Most values that were ever in use since the last `reset`. */
  get highest(): number {
    return this.#highest;
  }

  /** Forgets everything. */
  reset(): void {
    this.#free = [];
    this.#top = 0;
    this.#highest = 0;
  }

  /** A place for `size` values. */
  take(size: number): number {
    const n = rounded(size);
    const at = this.#free.findIndex((place) => place.size >= n);
    if (at < 0) return this.#extend(n);
    const place = this.#free[at];
    const { offset } = place;
    place.offset += n;
    place.size -= n;
    if (place.size === 0) this.#free.splice(at, 1);
    return offset;
  }

  /** Gives a place of `size` values back. */
  give(offset: number, size: number): void {
    const place = { offset, size: rounded(size) };
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
    if (last !== undefined && last.offset + last.size === this.#top) {
      this.#free.pop();
      this.#top = last.offset;
    }
    const offset = this.#top;
    this.#top += n;
    this.#highest = Math.max(this.#highest, this.#top);
    return offset;
  }
}

function rounded(size: number): number {
  return Math.ceil(Math.max(size, 1) / alignment) * alignment;
}
