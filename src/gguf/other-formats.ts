/**
 * @file What a file is that is not what it should be: told by its first bytes, in words that say what to do.
 */
import type { ByteSource } from './source.ts';

/** Bytes that tell the format. */
const HEAD_BYTES = 512;

type Format = readonly [matches: (bytes: Uint8Array, text: string) => boolean, words: string];

const begins = (...magic: number[]) => {
  return (bytes: Uint8Array) => bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
};

const CONVERT = 'convert the checkout that it belongs to (gguf-embed convert FOLDER OUT)';
const OLD_GGML = `a ggml file from before GGUF (2023): download a GGUF of the model, or ${CONVERT}`;

const formats: readonly Format[] = [
  [
    (_, text) => text.startsWith('version https://git-lfs.github.com/spec/'),
    'a Git LFS pointer, not the file itself: run git lfs pull, or download the file',
  ],
  [
    (_, text) => /^\s*(<!doctype html|<html|<head|<\?xml|<!--)/i.test(text),
    'a web page, probably an error or a login page that was saved instead of the file: download the file again',
  ],
  [isSafetensors, `a safetensors file: ${CONVERT}`],
  [begins(0x50, 0x4b, 0x03, 0x04), `a zip archive, as PyTorch writes (.bin, .pt): ${CONVERT}, or unpack it`],
  [(bytes) => bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5, `a pickle, as old PyTorch writes: ${CONVERT}`],
  [begins(0x6c, 0x6d, 0x67, 0x67), OLD_GGML],
  [begins(0x66, 0x6d, 0x67, 0x67), OLD_GGML],
  [begins(0x74, 0x6a, 0x67, 0x67), OLD_GGML],
  [begins(0x61, 0x6c, 0x67, 0x67), 'a LoRA adapter in the format from before GGUF'],
  [begins(0x47, 0x47, 0x55, 0x46), 'a GGUF file: use it as it is'],
  [begins(0x1f, 0x8b), 'packed with gzip: unpack it'],
  [begins(0x28, 0xb5, 0x2f, 0xfd), 'packed with zstd: unpack it'],
  [begins(0xfd, 0x37, 0x7a, 0x58, 0x5a), 'packed with xz: unpack it'],
  [begins(0x42, 0x5a, 0x68), 'packed with bzip2: unpack it'],
  [begins(0x37, 0x7a, 0xbc, 0xaf), 'a 7z archive: unpack it'],
  [begins(0x89, 0x48, 0x44, 0x46), 'an HDF5 file, as Keras writes: download the safetensors files of the model'],
  [(bytes) => bytes.length > 8 && bytes.every((byte) => byte === 0), 'full of zeros: the download was not completed'],
  [(bytes, text) => /^\s*[{[]/.test(text) && isText(bytes), 'JSON text'],
  [(bytes) => isText(bytes), 'text'],
];

/**
 * What a file that begins with `head` is, as the end of a sentence that begins with "it is"; `undefined` when nothing is known.
 * @param head up to 512 bytes
 */
export function describeFormat(head: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(head).replace(/^\ufeff/, '');
  return formats.find(([matches]) => matches(head, text))?.[1];
}

/** As `describeFormat`, of a source. */
export async function describeSource(source: ByteSource): Promise<string | undefined> {
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  await source.read(0, head);
  return describeFormat(head);
}

/** The length of a JSON header in eight bytes, then the header. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return length >= 2n && length < 2n ** 32n && bytes[8] === 0x7b && (bytes[9] === 0x22 || bytes[9] === 0x7d);
}

function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
