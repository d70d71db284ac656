/**
 * @file Checkouts in folders on disk, for Node, Bun and Deno.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { openFile } from '../../gguf/file.node.ts';
import { ConvertError } from '../conversion-error.ts';
import type { Checkout } from './checkout.ts';

/** Folders in folders of a checkout: its modules lie one deep. */
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

/** The checkout in a folder. @throws ConvertError when it is not a folder that can be read */
export async function openCheckout(path: string): Promise<Checkout> {
  const files = await readdir(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = { ENOENT: 'there is no such folder', ENOTDIR: 'it is not a folder' }[cause.code ?? ''];
    throw new ConvertError(reason ?? cause.message, path, cause);
  });
  return {
    name: basename(resolve(path)),
    files: files.sort(),
    async open(name) {
      // Names may come from the checkout's own files and must not lead out of it.
      if (name.split(/[\\/]/).includes('..')) return undefined;
      const whole = join(path, name);
      const status = await stat(whole).catch(() => undefined);
      return status?.isFile() ? openFile(whole) : undefined;
    },
  };
}
