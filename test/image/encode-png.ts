/**
 * @file Large pictures for tests.
 */
import { deflateSync } from 'node:zlib';

/** A PNG of a smooth pattern; checksums are left out, since no decoder here compares them. */
export function encodePng(width: number, height: number): Uint8Array {
  const row = Buffer.alloc(1 + 3 * width);
  for (let i = 1; i < row.length; i++) row[i] = (i * 7) & 255;
  const packed = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const png = Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', packed), chunk('IEND', Buffer.alloc(0))]);
  return new Uint8Array(png);
}
