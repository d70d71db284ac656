/**
 * @file Choices that can be had again: the seed of a case is all that is needed to repeat it.
 */
import { random } from '../random.ts';

/** Random choices, the same everywhere for the same seed. */
export class Random {
  /** A number in [0, 1). */
  readonly float: () => number;

  constructor(seed: number) {
    this.float = random(seed);
  }

  /** A whole number from 0 to `n - 1`. */
  below(n: number): number {
    return Math.floor(this.float() * n);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}
