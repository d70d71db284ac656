/**
 * @file `convert` from a folder to a file, for Node, Bun and Deno.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { createFile } from '../gguf/create-file.node.ts';
import { openFile } from '../gguf/file.node.ts';
import { type ConvertOptions, convert, type PlannedTensor } from './convert.ts';
import type { Checkout } from './convert-checkout.ts';
import { ConvertError } from './convert-error.ts';
import type { ConvertType } from './convert-types.ts';

/**
 * As `convert`, from the folder `input` to the file `output`, which appears when it is complete, in the place of one
 * that was there; after a failure there is nothing new.
 */
export async function convertFolder(
  input: string,
  output: string,
  type: ConvertType,
  options: ConvertOptions = {},
): Promise<readonly PlannedTensor[]> {
  const checkout = await openCheckout(input);
  const sink = await createFile(output);
  try {
    const plan = await convert(checkout, sink, type, options);
    await sink.commit();
    return plan;
  } finally {
    await sink.discard();
  }
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
