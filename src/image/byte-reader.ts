/**
 * @file Reads numbers from the bytes of a file and throws an error when the file ends too early.
 */
import { damaged } from './errors.ts';

export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  u8(): number {
    if (this.at >= this.bytes.length) throw endsEarly();
    return this.bytes[this.at++];
  }

  u16le(): number {
    return this.u8() | (this.u8() << 8);
  }

  u16be(): number {
    return (this.u8() << 8) | this.u8();
  }

  u24le(): number {
    return this.u16le() | (this.u8() << 16);
  }

  u32le(): number {
    return (this.u16le() | (this.u16le() << 16)) >>> 0;
  }

  u32be(): number {
    return ((this.u16be() << 16) | this.u16be()) >>> 0;
  }

  /** The next `n` bytes, without a copy. */
  take(n: number): Uint8Array {
    if (n > this.left) throw endsEarly();
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }

  skip(n: number): void {
    this.take(n);
  }

  /** The next `n` bytes as text, one character a byte. */
  text(n: number): string {
    return String.fromCharCode(...this.take(n));
  }
}

/** The error for a file that ends before its pixels are complete. */
export function endsEarly(): Error {
  return damaged('the file ends before the picture is complete');
}
