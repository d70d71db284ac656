/**
 * @file A priority queue of (key, position), lowest key first, then lowest position. SPM and BPE take pairs of symbols from it.
 */

/** Binary min-heap in typed arrays that grow. */
export class PairHeap {
  #keys = new Float64Array(64);
  #positions = new Int32Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Key of the first entry. */
  get key(): number {
    return this.#keys[0];
  }

  /** Position of the first entry. */
  get position(): number {
    return this.#positions[0];
  }

  push(key: number, position: number): void {
    if (this.#size === this.#keys.length) this.#grow();
    const keys = this.#keys;
    const positions = this.#positions;
    let i = this.#size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (keys[parent] < key || (keys[parent] === key && positions[parent] <= position)) break;
      keys[i] = keys[parent];
      positions[i] = positions[parent];
      i = parent;
    }
    keys[i] = key;
    positions[i] = position;
  }

  /** Removes the first entry. */
  pop(): void {
    const keys = this.#keys;
    const positions = this.#positions;
    const n = --this.#size;
    const key = keys[n];
    const position = positions[n];
    let i = 0;
    for (let child = 1; child < n; child = 2 * i + 1) {
      const right = child + 1;
      if (
        right < n &&
        (keys[right] < keys[child] || (keys[right] === keys[child] && positions[right] < positions[child]))
      ) {
        child = right;
      }
      if (key < keys[child] || (key === keys[child] && position <= positions[child])) break;
      keys[i] = keys[child];
      positions[i] = positions[child];
      i = child;
    }
    keys[i] = key;
    positions[i] = position;
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
    const positions = new Int32Array(keys.length);
    positions.set(this.#positions);
    this.#positions = positions;
  }
}
