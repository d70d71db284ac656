/**
 * @file `convert` from a folder to a file, for Node, Bun and Deno.
 */
import { flag, type OptionTable, readOptions, text } from '../check-options.ts';
import { createFile } from '../gguf/create-file.node.ts';
import { convertAdapter, isAdapter } from './adapter.ts';
import type { Checkout } from './checkout/checkout.ts';
import { filesBelow, openCheckout } from './checkout/folder.node.ts';
import { ConvertError, optionError } from './conversion-error.ts';
import { type ConvertOptions, convert, convertOptions, type PlannedTensor } from './convert.ts';
import type { OutputType } from './output-types.ts';
import { convertStatic, isStatic } from './static/convert-static.ts';
import { convertTower } from './vision/convert-tower.ts';

/** Options of `convertFolder`. */
export interface FolderOptions extends ConvertOptions {
  /** Write the vision tower instead of the text model. */
  readonly vision?: boolean;
  /** For a LoRA adapter of PEFT: the folder of its model, of which only the config is read. */
  readonly base?: string;
}

const folderOptions: OptionTable<FolderOptions> = { ...convertOptions, vision: flag, base: text };

/**
 * As `convert`, or `convertTower` for `vision`, from the folder `input` to the file `output`. The complete file replaces an
 * existing one; after a failure nothing has changed.
 * @throws ConvertError as `convert` does; GgufError if the output cannot be written, or is a file of the checkout
 */
export async function convertFolder(
  input: string,
  output: string,
  type: OutputType,
  given: FolderOptions = {},
): Promise<readonly PlannedTensor[]> {
  const { vision, base, ...options } = readOptions('convertFolder', given, folderOptions, optionError);
  const checkout = await openCheckout(input);
  const model = await modelOf(checkout, base);
  const sink = await createFile(output, [...(await filesBelow(input)), ...(base ? await filesBelow(base) : [])]);
  try {
    const writeText = (await isStatic(checkout)) ? convertStatic : convert;
    const write = vision ? convertTower : writeText;
    const plan =
      model === undefined
        ? await write(checkout, sink, type, options)
        : await convertAdapter(checkout, model, sink, type, options);
    await sink.commit();
    return plan;
  } finally {
    await sink.discard();
  }
}

/** The checkout of an adapter's model; `undefined` for a checkout that is a model. @throws ConvertError if one is missing or too many */
async function modelOf(checkout: Checkout, base: string | undefined): Promise<Checkout | undefined> {
  if (isAdapter(checkout)) {
    if (base !== undefined) return openCheckout(base);
    throw new ConvertError(`${checkout.name} is an adapter: give the folder of its model, too (--base FOLDER)`);
  }
  if (base === undefined) return undefined;
  throw new ConvertError(`${checkout.name} is no adapter, so it has no other model: leave out --base`);
}
