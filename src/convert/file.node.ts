/**
 * @file `convert` from a folder to a file, for Node, Bun and Deno.
 */
import { flag, type OptionTable, readOptions } from '../check-options.ts';
import { createFile } from '../gguf/create-file.node.ts';
import { filesBelow, openCheckout } from './checkout/folder.node.ts';
import { optionError } from './conversion-error.ts';
import { type ConvertOptions, convert, convertOptions, type PlannedTensor } from './convert.ts';
import type { OutputType } from './output-types.ts';
import { convertStatic, isStatic } from './static/convert-static.ts';
import { convertTower } from './vision/convert-tower.ts';

/** Options of `convertFolder`. */
export interface FolderOptions extends ConvertOptions {
  /** Write the vision tower instead of the text model. */
  readonly vision?: boolean;
}

const folderOptions: OptionTable<FolderOptions> = { ...convertOptions, vision: flag };

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
  const { vision, ...options } = readOptions('convertFolder', given, folderOptions, optionError);
  const checkout = await openCheckout(input);
  const sink = await createFile(output, await filesBelow(input));
  try {
    const writeText = (await isStatic(checkout)) ? convertStatic : convert;
    const write = vision ? convertTower : writeText;
    const plan = await write(checkout, sink, type, options);
    await sink.commit();
    return plan;
  } finally {
    await sink.discard();
  }
}
