/**
 * @file Recognises files of another format than expected by their first bytes, and says what to do with such a file.
 */
import type { ByteSource } from './source.ts';

/** Bytes that identify the format; a tar archive needs the most. */
export const HEAD_BYTES = 512;

/** The expected format: a GGUF, weights of a checkout as safetensors or from PyTorch, text of a checkout, or text of the user (JSON, PEM). */
export type ExpectedFormat = 'gguf' | 'safetensors' | 'torch' | 'checkout-text' | 'text';

type Advice = Readonly<Partial<Record<ExpectedFormat, string>>>;

/** A format, and what to do with a file of it; the advice may depend on the expected format. */
interface Format {
  readonly matches: (bytes: Uint8Array, text: string) => boolean;
  readonly is: string;
  readonly advice?: string | Advice;
  /** The expectation that it meets. A damaged file of the expected format must not be reported as that format. */
  readonly meets?: ExpectedFormat;
}

/** The same advice for both formats of weights. */
const weights = (advice: string): Advice => ({ safetensors: advice, torch: advice });

const begins = (...magic: number[]) => {
  return (bytes: Uint8Array) => bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
};

const CONVERT = 'convert the folder of the model (gguf-embed convert FOLDER OUT)';

const INCOMPLETE = 'the download may be incomplete';
const incomplete: Advice = { gguf: INCOMPLETE, ...weights(INCOMPLETE), 'checkout-text': INCOMPLETE };

const oldGgml = {
  is: 'a ggml file from before GGUF (2023)',
  advice: {
    gguf: `download a GGUF of the model, or ${CONVERT}`,
    ...weights('download the safetensors files of the model'),
  },
};

const formats: readonly Format[] = [
  { matches: (bytes) => bytes.length === 0, is: 'empty', advice: incomplete },
  {
    matches: (_, text) => text.startsWith('version https://git-lfs.github.com/spec/'),
    is: 'a Git LFS pointer, not the file itself',
    advice: 'run git lfs pull, or download the file',
  },
  {
    matches: (_, text) => /^\s*(<!doctype html|<html|<head|<\?xml|<!--)/i.test(text),
    is: 'a web page, probably an error or login page saved in place of the file',
    advice: 'download the file again',
  },
  {
    matches: isSafetensors,
    is: 'a safetensors file',
    advice: { gguf: CONVERT, torch: 'rename it to model.safetensors' },
    meets: 'safetensors',
  },
  {
    matches: begins(0x50, 0x4b, 0x03, 0x04),
    is: 'a zip archive, probably from PyTorch (.bin, .pt)',
    advice: {
      gguf: `${CONVERT}, or unpack it`,
      safetensors: 'if PyTorch wrote it, rename it to pytorch_model.bin, otherwise unpack it',
      text: 'unpack it',
    },
    meets: 'torch',
  },
  {
    matches: (bytes) => bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5,
    is: 'a pickle from an old version of PyTorch (before 1.6)',
    advice: {
      gguf: CONVERT,
      ...weights('load and save it with a newer PyTorch (torch.save), or download the safetensors files of the model'),
    },
  },
  { matches: begins(0x6c, 0x6d, 0x67, 0x67), ...oldGgml },
  { matches: begins(0x66, 0x6d, 0x67, 0x67), ...oldGgml },
  { matches: begins(0x74, 0x6a, 0x67, 0x67), ...oldGgml },
  { matches: begins(0x61, 0x6c, 0x67, 0x67), is: 'a LoRA adapter in the format from before GGUF' },
  {
    matches: begins(0x47, 0x47, 0x55, 0x46),
    is: 'a GGUF file',
    advice: { ...weights('it is already converted, use it as it is') },
    meets: 'gguf',
  },
  { matches: begins(0x1f, 0x8b), is: 'packed with gzip', advice: 'unpack it' },
  { matches: begins(0x28, 0xb5, 0x2f, 0xfd), is: 'packed with zstd', advice: 'unpack it' },
  { matches: begins(0xfd, 0x37, 0x7a, 0x58, 0x5a), is: 'packed with xz', advice: 'unpack it' },
  { matches: begins(0x42, 0x5a, 0x68), is: 'packed with bzip2', advice: 'unpack it' },
  { matches: begins(0x37, 0x7a, 0xbc, 0xaf), is: 'a 7z archive', advice: 'unpack it' },
  { matches: isTar, is: 'a tar archive', advice: 'unpack it' },
  {
    matches: begins(0x89, 0x48, 0x44, 0x46),
    is: 'an HDF5 file, probably from Keras',
    advice: 'download the safetensors files of the model',
  },
  { matches: begins(0x25, 0x50, 0x44, 0x46, 0x2d), is: 'a PDF document' },
  {
    matches: begins(0x30, 0x82),
    is: 'a key or certificate in binary form (DER, PKCS #12)',
    advice: 'convert it to PEM with openssl',
  },
  {
    matches: (bytes) => bytes.length > 8 && bytes.every((byte) => byte === 0),
    is: 'all zeros',
    advice: INCOMPLETE,
  },
  { matches: (bytes, text) => /^\s*[{[]/.test(text) && isText(bytes), is: 'JSON text', meets: 'text' },
  { matches: isText, is: 'text', meets: 'text' },
];

/**
 * The format of a file, phrased to follow "it is"; `undefined` if it is unknown or the expected one.
 * @param head the first `HEAD_BYTES` bytes, fewer where the file has fewer
 * @param expected the expected format, which decides the advice
 */
export function describeFormat(head: Uint8Array, expected: ExpectedFormat): string | undefined {
  const text = new TextDecoder().decode(head).replace(/^\ufeff/, '');
  const found = formats.find(({ matches }) => matches(head, text));
  const wanted = expected === 'checkout-text' ? 'text' : expected;
  if (found === undefined || found.meets === wanted) return undefined;
  const advice = typeof found.advice === 'string' ? found.advice : found.advice?.[expected];
  return advice === undefined ? found.is : `${found.is}: ${advice}`;
}

/** As `describeFormat`, for a source. */
export async function describeSource(source: ByteSource, expected: ExpectedFormat): Promise<string | undefined> {
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  await source.read(0, head);
  return describeFormat(head, expected);
}

/** A safetensors file begins with the length of its JSON header in eight bytes, then the header. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return length >= 2n && length < 2n ** 32n && bytes[8] === 0x7b && (bytes[9] === 0x22 || bytes[9] === 0x7d);
}

/** A tar archive has `ustar` after the fields of its first member. */
function isTar(bytes: Uint8Array): boolean {
  return begins(0x75, 0x73, 0x74, 0x61, 0x72)(bytes.subarray(257));
}

function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
