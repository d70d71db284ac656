/**
 * @file Mutations of bytes: numbers of the header set to the values that break programs, bits turned, pieces cut out.
 */
import type { Assembled } from './plan.ts';
import type { Random } from './random.ts';

/** Counts, lengths and offsets that break programs. */
const nasty = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  9n,
  12n,
  13n,
  31n,
  32n,
  33n,
  63n,
  64n,
  127n,
  128n,
  255n,
  256n,
  257n,
  1000n,
  32767n,
  32768n,
  65535n,
  65536n,
  1n << 20n,
  1n << 24n,
  1n << 30n,
  (1n << 31n) - 1n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 32n,
  1n << 40n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 53n) + 1n,
  1n << 62n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** Changes a copy of the file in one to three places. */
export function mutateBytes({ bytes, fields }: Assembled, random: Random): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let n = 1 + random.below(3); n > 0; n--) {
    if (result.length < 8) break;
    const field = random.pick(fields);
    result = random.pick(edits)(result, random, field.at + field.width <= result.length ? field : { at: 0, width: 8 });
  }
  return result;
}

type Edit = (bytes: Uint8Array, random: Random, field: { at: number; width: number }) => Uint8Array;

const setField: Edit = (bytes, random, { at, width }) => {
  const value = BigInt.asUintN(8 * width, random.pick(nasty));
  for (let i = 0; i < width; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
};

const nudgeField: Edit = (bytes, random, { at }) => {
  bytes[at] += random.pick([1, -1, 2, -2, 16, -16]);
  return bytes;
};

const turnField: Edit = (bytes, _, { at, width }) => {
  bytes.subarray(at, at + width).reverse();
  return bytes;
};

const flipHeaderBit: Edit = (bytes, random, { at, width }) => {
  bytes[Math.min(bytes.length - 1, at + random.below(width + 8))] ^= 1 << random.below(8);
  return bytes;
};

const flipBit: Edit = (bytes, random) => {
  bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return bytes;
};

const truncate: Edit = (bytes, random, { at }) =>
  bytes.slice(0, random.chance(0.5) ? at + random.below(9) : random.below(bytes.length));

const cutOut: Edit = (bytes, random, { at }) => {
  const n = random.pick([1, 4, 8, 32]);
  bytes.copyWithin(at, at + n);
  return bytes.subarray(0, Math.max(0, bytes.length - n));
};

const fill: Edit = (bytes, random, { at }) =>
  bytes.fill(random.pick([0, 0x7f, 0x80, 0xff]), at, at + random.pick([1, 2, 4, 8, 64]));

const edits: readonly Edit[] = [
  setField,
  setField,
  setField,
  nudgeField,
  turnField,
  flipHeaderBit,
  flipHeaderBit,
  flipBit,
  truncate,
  cutOut,
  fill,
];
