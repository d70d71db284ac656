/**
 * @file Checkouts in folders on disk, for Node, Bun and Deno.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { openFile } from '../../gguf/file.node.ts';
import { ConvertError } from '../conversion-error.ts';
import type { Checkout } from './checkout.ts';

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
