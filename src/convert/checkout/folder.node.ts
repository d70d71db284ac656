/**
 * @file Checkouts in folders on disk, for Node, Bun and Deno.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { openFile } from '../../gguf/file.node.ts';
import { systemReason } from '../../gguf/system-error.ts';
import { ConvertError } from '../conversion-error.ts';
import type { Checkout } from './checkout.ts';

/** Depth of folders to read: modules are one level deep. */
const MAX_DEPTH = 2;

/** The paths of all files that converting a checkout may read: texts and weights, not GGUF files in the same folder. */
export async function filesBelow(path: string, depth = 0): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  const found = names.map(async (name) => {
    const whole = join(path, name);
    const status = await stat(whole).catch(() => undefined);
    if (status?.isDirectory()) return depth < MAX_DEPTH ? filesBelow(whole, depth + 1) : [];
    return /\.(json|txt|md|safetensors|bin|model)$/.test(name) ? [whole] : [];
  });
  return (await Promise.all(found)).flat();
}

/** The checkout in a folder. @throws ConvertError if it is not a readable folder */
export async function openCheckout(path: string): Promise<Checkout> {
  const files = await readdir(path).catch((cause: NodeJS.ErrnoException) => {
    const reason =
      cause.code === 'ENOENT'
        ? 'there is no such folder'
        : cause.code === 'ENOTDIR'
          ? 'it is not a folder: give the folder of a Hugging Face model'
          : systemReason(cause);
    throw new ConvertError(reason, path, cause);
  });
  return {
    name: basename(resolve(path)),
    files: files.sort(),
    async open(name) {
      // A name may come from a file of the checkout, and must not point outside of it.
      if (name.split(/[\\/]/).includes('..')) return undefined;
      const whole = join(path, name);
      const status = await stat(whole).catch(() => undefined);
      return status?.isFile() ? openFile(whole) : undefined;
    },
  };
}
