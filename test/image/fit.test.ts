import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeImage, dynamicSize, fitPicture } from '../../src/image/index.ts';
import { llamaPicture, readJson, sha256 } from './fixtures.ts';

const references = readdirSync(new URL('../fixtures/multimodal/reference/vision', import.meta.url));

test.each(references)('%s: size and every pixel after scaling', async (file) => {
  const { image, preprocessed } = readJson(`multimodal/reference/vision/${file}`);
  const picture = await decodeImage(llamaPicture(image));
  const isGemma = file.startsWith('gemma3');
  const size = isGemma ? { width: 168, height: 168 } : dynamicSize(picture, file.startsWith('qwen3vl') ? 32 : 28);
  expect(size).toEqual({ width: preprocessed.width, height: preprocessed.height });
  const { rgb } = fitPicture(picture, size, isGemma ? 'bilinear' : 'bicubic');
  expect(sha256(rgb)).toBe(preprocessed.sha256_rgb8);
});

test('sizes are multiples of the unit within the limits of tokens', () => {
  const size = (width: number, height: number, limits?: { minTokens: number; maxTokens: number }) => {
    const fitted = dynamicSize({ width, height }, 32, limits);
    return [fitted.width, fitted.height];
  };
  expect(size(640, 480)).toEqual([640, 480]);
  expect(size(37, 91)).toEqual([64, 160]);
  expect(size(96, 80)).toEqual([96, 96]);
  expect(size(1, 1)).toEqual([96, 96]);
  expect(size(300, 20)).toEqual([288, 32]);
  expect(size(640, 480, { minTokens: 8, maxTokens: 100 })).toEqual([352, 256]);
  const [width, height] = size(20_000, 15_000);
  expect((width / 32) * (height / 32)).toBeLessThanOrEqual(4096);
  expect(size(65_535, 1)[1]).toBe(32);
});

test('a picture of the right size is not copied', () => {
  const picture = { width: 32, height: 32, rgb: new Uint8Array(3 * 32 * 32) };
  expect(fitPicture(picture, { width: 32, height: 32 }, 'bicubic')).toBe(picture);
});
