/**
 * @file Pictures whose pixels are known: those that llama.cpp decoded, and others that Pillow wrote and read.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const folder = new URL('../fixtures/', import.meta.url);

/** What another program made of a picture. */
export interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly sha256_rgb: string;
  /** The pixels themselves, of small JPEG files. */
  readonly rgb?: string;
  readonly sha256_alpha?: string;
  /** Width and height once it is turned as EXIF says. */
  readonly rotated?: [number, number];
}

/** Pictures decoded by llama.cpp v0.5.0: name to answer. */
export const byLlama: Record<string, Decoded> = readJson('multimodal/reference/decoded.json').images;
/** Pictures decoded by Pillow 12 (libjpeg-turbo, libwebp 1.6). */
export const byPillow: Record<string, Decoded> = readJson('images/decoded.json');

/** Every picture of both sets. */
export const pictures: readonly { readonly name: string; readonly bytes: Uint8Array }[] = [
  ...Object.keys(byLlama).map((name) => ({ name, bytes: read(`multimodal/images/${name}`) })),
  ...Object.keys(byPillow).map((name) => ({ name, bytes: read(`images/${name}`) })),
];

export function llamaPicture(name: string): Uint8Array {
  return read(`multimodal/images/${name}`);
}

export function pillowPicture(name: string): Uint8Array {
  return read(`images/${name}`);
}

export function readJson(path: string) {
  return JSON.parse(readFileSync(new URL(path, folder), 'utf8'));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function read(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, folder)));
}
