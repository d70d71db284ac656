/**
 * @file The folder of a module of sentence-transformers, which is a checkout of its own.
 */
import type { Checkout } from './checkout.ts';

/** The folder of a module as a checkout. */
export async function partOf(checkout: Checkout, path: string): Promise<Checkout> {
  const folder = path.replace(/^\.?\/*|\/+$/g, '');
  if (folder === '') return checkout;
  const open = (name: string) => checkout.open(`${folder}/${name}`);
  const files: string[] = [];
  for (const name of ['model.safetensors', 'pytorch_model.bin']) {
    const source = await open(name);
    if (source === undefined) continue;
    await source.close();
    files.push(name);
  }
  return { name: `${checkout.name}/${folder}`, files, open };
}
