/**
 * @file `convert` from a folder to a file, for Node, Bun and Deno.
 */
import { basename, dirname, join } from 'node:path';
import { callback, flag, type OptionTable, readOptions, text } from '../check-options.ts';
import { createFile, type FileSink } from '../gguf/create-file.node.ts';
import { convertAdapter, isAdapter } from './adapter.ts';
import type { Checkout } from './checkout/checkout.ts';
import { filesBelow, openCheckout } from './checkout/folder.node.ts';
import { ConvertError, optionError } from './conversion-error.ts';
import { type ConvertOptions, convert, convertOptions, type PlannedTensor } from './convert.ts';
import type { OutputType } from './output-types.ts';
import { convertStatic, isStatic } from './static/convert-static.ts';
import { convertTaskAdapters } from './task-adapters.ts';
import { convertTower } from './vision/convert-tower.ts';

/** Options of `convertFolder`. */
export interface FolderOptions extends ConvertOptions {
  /** Write the vision tower instead of the text model. */
  readonly vision?: boolean;
  /** For a LoRA adapter of PEFT: the folder of its model, of which only the config is read. */
  readonly base?: string;
  /**
   * Called with the path of the complete file of a model or a vision tower before it gets its name: it throws what a program that loads the file would.
   */
  readonly check?: (path: string) => Promise<void>;
  /** Called with each file of an adapter for a task, and its tensors. */
  readonly onAdapter?: (path: string, tensors: readonly PlannedTensor[]) => void;
}

const folderOptions: OptionTable<FolderOptions> = {
  ...convertOptions,
  vision: flag,
  base: text,
  check: callback,
  onAdapter: callback,
};

/**
 * As `convert`, or `convertTower` for `vision`, from the folder `input` to the file `output`. If the checkpoint has adapters for tasks, each
 * goes to a file of its own beside `output`: `lora-TASK-` and its name. Complete files replace existing ones; after a failure of the
 * conversion nothing has changed.
 * @throws ConvertError as `convert` does, and with what `check` throws; GgufError if a file cannot be written, or is a file of the checkout
 */
export async function convertFolder(
  input: string,
  output: string,
  type: OutputType,
  given: FolderOptions = {},
): Promise<readonly PlannedTensor[]> {
  const { vision, base, check, onAdapter, ...options } = readOptions(
    'convertFolder',
    given,
    folderOptions,
    optionError,
  );
  const checkout = await openCheckout(input);
  const model = await modelOf(checkout, base);
  const reads = [...(await filesBelow(input)), ...(base ? await filesBelow(base) : [])];
  const sinks = new Map<string, FileSink>();
  const create = async (path: string) => {
    const sink = await createFile(path, reads);
    sinks.set(path, sink);
    return sink;
  };
  try {
    const sink = await create(output);
    const beside = (task: string) => create(join(dirname(output), `lora-${task}-${basename(output)}`));
    const writeText = (await isStatic(checkout)) ? convertStatic : convert;
    const write = vision ? convertTower : writeText;
    const hasTasks = model === undefined && write === convert;
    const adapters = hasTasks ? await convertTaskAdapters(checkout, beside, options) : [];
    const plan =
      model === undefined
        ? await write(checkout, sink, type, options)
        : await convertAdapter(checkout, model, sink, type, options);
    if (model === undefined) await check?.(sink.temporary).catch(cannotLoad);
    for (const one of sinks.values()) await one.commit();
    const [, ...paths] = sinks.keys();
    for (const [i, path] of paths.entries()) onAdapter?.(path, adapters[i]);
    return plan;
  } finally {
    for (const one of sinks.values()) await one.discard();
  }
}

function cannotLoad(cause: Error): never {
  const problem = `the files of the checkout do not fit together, so the model could not be loaded: ${cause.message}`;
  throw new ConvertError(problem, undefined, cause);
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
