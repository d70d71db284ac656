/**
 * @file Measures where time goes: calls, milliseconds and multiply-adds of each kind of operation.
 */

/** Sums for one kind of operation. */
export interface ProfileEntry {
  calls: number;
  milliseconds: number;
  /** Multiply-adds of products; 0 for the others. */
  macs: number;
}

/** Collects while it is the `profile` of a backend. */
export class Profile {
  readonly entries = new Map<string, ProfileEntry>();

  add(op: string, milliseconds: number, macs: number): void {
    let entry = this.entries.get(op);
    if (entry === undefined) this.entries.set(op, (entry = { calls: 0, milliseconds: 0, macs: 0 }));
    entry.calls++;
    entry.milliseconds += milliseconds;
    entry.macs += macs;
  }
}
