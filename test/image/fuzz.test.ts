/**
 * @file The fuzzer of pictures: changed copies of real files of all formats. Each must give a picture or an ImageError that
 * names it, within a second and without taking more memory than its size in pixels may.
 *
 * `FUZZ_SEED` takes other files, `FUZZ_CASE` repeats one.
 */
import { expect, test } from 'vitest';
import { decodeImage, ImageError, imageSize } from '../../src/image/index.ts';
import { countAllocations } from '../fuzz/allocation.ts';
import { Random } from '../fuzz/random.ts';
import { pictures } from './fixtures.ts';

/** Every test run takes some; the continuous integration takes 100 000. */
const RUNS = Number(process.env.FUZZ_RUNS ?? (process.env.CI ? 100_000 : 10_000));
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const ONLY = process.env.FUZZ_CASE === undefined ? undefined : Number(process.env.FUZZ_CASE);

/** Longest time for one file, of the processor. */
const MAX_MS = 1000;
/** Largest picture that is decoded here: a changed size may claim much, and painting it takes its time. */
const limits = { pixels: 250_000 };
/** Bytes that may be taken for a pixel, for a byte of the file, and beside those. */
const BYTES_PER_PIXEL = 48;
const BYTES_PER_BYTE = 64;
const SLACK_BYTES = 4 * 1024 * 1024;

/** Small files, so that a change hits something. */
const seeds = pictures.filter(({ bytes }) => bytes.length < 8000);

const nasty = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 192, 254, 255];

function makeCase(index: number): { name: string; bytes: Uint8Array } {
  const random = new Random(SEED * 1_000_003 + index);
  const { name, bytes } = random.pick(seeds);
  let result: Uint8Array = bytes.slice();
  for (let n = 1 + random.below(4); n > 0; n--) result = change(result, random);
  return { name: `${name} (case ${index} of seed ${SEED})`, bytes: result };
}

function change(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length < 8) return bytes;
  // Half of the changes hit the header.
  const at = random.below(random.chance(0.5) ? Math.min(bytes.length, 64) : bytes.length);
  const kind = random.below(8);
  if (kind < 2) bytes[at] = random.pick(nasty);
  else if (kind < 4) bytes[at] ^= 1 << random.below(8);
  else if (kind === 4) bytes[at] = random.below(256);
  else if (kind === 5) return bytes.slice(0, random.chance(0.5) ? at : bytes.length - random.below(16));
  else if (kind === 6) {
    const n = random.pick([1, 2, 4, 16, 64]);
    bytes.copyWithin(at, at + n);
    return bytes.slice(0, Math.max(0, bytes.length - n));
  } else bytes.fill(random.pick([0, 0x7f, 0xff]), at, at + random.pick([1, 2, 4, 8, 64]));
  return bytes;
}

test(
  `${RUNS} changed pictures`,
  async () => {
    const outcomes: Record<string, number> = { picture: 0, format: 0, limit: 0, damaged: 0 };
    const allocated = countAllocations();
    const start = process.cpuUsage();
    const [first, last] = ONLY === undefined ? [0, RUNS] : [ONLY, ONLY + 1];
    for (let index = first; index < last; index++) {
      const { name, bytes } = makeCase(index);
      allocated();
      const begin = process.cpuUsage();
      let nPixels = 0;
      try {
        const size = imageSize(bytes, { name, limits });
        nPixels = size.width * size.height;
        const options = { name, limits, background: index % 3 === 0 ? ([9, 9, 9] as const) : undefined };
        const picture = await decodeImage(bytes, { ...options, exif: index % 2 === 0 ? 'rotate' : 'ignore' });
        expect(picture.rgb.length).toBe(3 * nPixels);
        expect(picture.width * picture.height).toBe(nPixels);
        outcomes.picture++;
      } catch (error) {
        if (!(error instanceof ImageError)) throw new Error(name, { cause: error });
        expect(error.message.startsWith(`${name}: `)).toBe(true);
        outcomes[error.problem]++;
      }
      const { user, system } = process.cpuUsage(begin);
      const ms = (user + system) / 1000;
      const taken = allocated();
      if (ms > MAX_MS) throw new Error(`${name} took ${ms} ms`);
      if (taken > nPixels * BYTES_PER_PIXEL + bytes.length * BYTES_PER_BYTE + SLACK_BYTES) {
        throw new Error(`${name} took ${taken} bytes for ${nPixels} pixels`);
      }
    }
    const { user, system } = process.cpuUsage(start);
    console.log(`${last - first} changed pictures in ${Math.round((user + system) / 1e6)} s of a core:`, outcomes);
    if (ONLY === undefined) for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(RUNS / 1000);
  },
  RUNS * 20 + 60_000,
);
