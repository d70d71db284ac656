import { expect, test } from 'vitest';
import { decodeImage, ImageError, imageSize } from '../../src/image/index.ts';
import { byLlama, byPillow, llamaPicture, pictures, pillowPicture, sha256 } from './fixtures.ts';

test.each(Object.entries(byLlama))('%s has the pixels that llama.cpp sees', async (name, expected) => {
  const bytes = llamaPicture(name);
  const { width, height, rgb } = await decodeImage(bytes);
  expect([width, height]).toEqual([expected.width, expected.height]);
  expect(imageSize(bytes)).toMatchObject({ width, height });
  expect(sha256(rgb)).toBe(expected.sha256_rgb);
});

const exact = Object.entries(byPillow).filter(([name]) => !name.endsWith('.jpg') && name !== 'transparent.gif');

test.each(exact)('%s has the pixels that Pillow sees', async (name, expected) => {
  const bytes = pillowPicture(name);
  const { width, height, rgb } = await decodeImage(bytes);
  expect([width, height]).toEqual([expected.width, expected.height]);
  expect(imageSize(bytes)).toMatchObject({ width, height });
  expect(sha256(rgb)).toBe(expected.sha256_rgb);
});

const lossy = Object.entries(byPillow).filter(([name]) => name.endsWith('.jpg'));

test.each(lossy)('%s is near to what libjpeg sees', async (name, expected) => {
  const { width, height, rgb } = await decodeImage(pillowPicture(name));
  expect([width, height]).toEqual([expected.width, expected.height]);
  const theirs = Buffer.from(expected.rgb!, 'base64');
  const distances = Array.from(rgb, (value, i) => Math.abs(value - theirs[i]));
  // The last columns of pictures with chroma at half width are another matter in stb_image, which ours follows.
  const inner = distances.filter((_, i) => !name.includes('422') || Math.floor(i / 3) % width < width - 3);
  expect(inner.reduce((sum, d) => sum + d, 0) / inner.length).toBeLessThan(name === 's411.jpg' ? 6 : 1.5);
  if (name !== 's411.jpg') expect(Math.max(...inner)).toBeLessThanOrEqual(8);
});

test('transparent pixels stay as they are stored, unless a background is given', async () => {
  for (const name of ['rgba.png', 'transparent-gray.png', 'alpha-lossless.webp', 'alpha-lossy.webp']) {
    const bytes = pillowPicture(name);
    const stored = (await decodeImage(bytes)).rgb;
    const onBlack = (await decodeImage(bytes, { background: [0, 0, 0] })).rgb;
    const onWhite = (await decodeImage(bytes, { background: [255, 255, 255] })).rgb;
    // What white adds to black is what the picture lets through.
    const alpha = Uint8Array.from({ length: stored.length / 3 }, (_, i) => 255 - (onWhite[3 * i] - onBlack[3 * i]));
    expect(sha256(alpha), name).toBe(byPillow[name].sha256_alpha);
    const opaque = alpha.indexOf(255);
    expect(onWhite.subarray(3 * opaque, 3 * opaque + 3), name).toEqual(stored.subarray(3 * opaque, 3 * opaque + 3));
  }
});

test('a GIF shows its background where its first frame is transparent, when one is given', async () => {
  const bytes = pillowPicture('transparent.gif');
  const plain = (await decodeImage(bytes)).rgb;
  const onWhite = (await decodeImage(bytes, { background: [255, 255, 255] })).rgb;
  expect(plain).not.toEqual(onWhite);
  const changed = Array.from(onWhite.keys()).filter((i) => plain[i] !== onWhite[i]);
  expect(changed.every((i) => plain[i] === 0 && onWhite[i] === 255)).toBe(true);
});

const turned = Object.entries(byPillow).filter(([, { rotated }]) => rotated !== undefined);

test.each(turned)('%s is turned only when asked to', async (name, { width, height, rotated }) => {
  const bytes = pillowPicture(name);
  const asStored = await decodeImage(bytes);
  const upright = await decodeImage(bytes, { exif: 'rotate' });
  expect([asStored.width, asStored.height]).toEqual([width, height]);
  expect([upright.width, upright.height]).toEqual(rotated);
  const pixel = (image: typeof upright, x: number, y: number) => {
    const at = 3 * (y * image.width + x);
    return Array.from(image.rgb.subarray(at, at + 3));
  };
  const [w, h] = [width - 1, height - 1];
  const corner: Record<string, [number, number]> = { 3: [w, h], 5: [0, 0], 6: [0, h], 8: [w, 0] };
  const second: Record<string, [number, number]> = { 3: [w - 1, h], 5: [0, 1], 6: [0, h - 1], 8: [w, 1] };
  const orientation = name.match(/\d/)![0];
  expect(pixel(upright, 0, 0)).toEqual(pixel(asStored, ...corner[orientation]));
  expect(pixel(upright, 1, 0)).toEqual(pixel(asStored, ...second[orientation]));
});

test('a PNG whose pixels are complete is read though its end is missing', async () => {
  const bytes = llamaPicture('rgb.png');
  const { rgb } = await decodeImage(bytes.subarray(0, bytes.length - 16));
  expect(sha256(rgb)).toBe(byLlama['rgb.png'].sha256_rgb);
  await expect(decodeImage(bytes.subarray(0, bytes.length - 200))).rejects.toThrow(
    'end before the picture is complete',
  );
});

test('pictures that end too early are refused, whatever their format', async () => {
  // The first frame of an animation is complete in half of its file.
  for (const { name, bytes } of pictures.filter(({ name }) => !name.startsWith('animated'))) {
    const half = bytes.slice(0, bytes.length >> 1);
    await expect(decodeImage(half, { name }), name).rejects.toThrow(ImageError);
    await expect(decodeImage(half, { name }), name).rejects.toThrow(`${name}: `);
  }
});

test('a file that is not a picture is refused with the name of its format', async () => {
  const text = (mark: string) => Uint8Array.from(mark, (c) => c.charCodeAt(0));
  const refusals: [string, RegExp][] = [
    ['', /^x: the file is empty$/],
    ['hello', /^x: this is not a picture; supported formats: PNG, .*JPEG/],
    ['\0\0\0\x20ftypavif', /^x: AVIF is not supported/],
    ['\0\0\0\x20ftypheic', /^x: HEIC is not supported/],
    ['II*\0', /^x: TIFF is not supported/],
    ['%PDF-1.7', /^x: PDF is not supported/],
    ['<svg xmlns=', /^x: SVG is not supported/],
    ['RIFF\x10\0\0\0WAVEfmt ', /^x: WAV audio is not supported/],
  ];
  for (const [mark, message] of refusals) {
    await expect(decodeImage(text(mark), { name: 'x' }), mark).rejects.toThrow(message);
  }
});

test('a picture larger than a limit is refused from its header', async () => {
  const header = llamaPicture('rgb.png').slice(0, 33);
  const view = new DataView(header.buffer);
  view.setUint32(16, 60_000);
  view.setUint32(20, 60_000);
  await expect(decodeImage(header, { name: 'bomb.png' })).rejects.toThrow(
    'bomb.png: the picture has 60000x60000 pixels, 3600000000 in all; at most 67108864 are allowed',
  );
  view.setUint32(16, 70_000);
  await expect(decodeImage(header)).rejects.toThrow('a side of at most 65535 is allowed');
  const bytes = llamaPicture('rgb.png');
  await expect(decodeImage(bytes, { limits: { bytes: 100 } })).rejects.toThrow('at most 100 are allowed');
  await expect(decodeImage(bytes, { limits: { pixels: 7679 } })).rejects.toThrow('7680 in all; at most 7679');
  await expect(decodeImage(bytes, { limits: { pixels: 7680 } })).resolves.toMatchObject({ width: 96, height: 80 });
});
