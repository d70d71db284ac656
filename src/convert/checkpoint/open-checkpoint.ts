/**
 * @file Opens the tensors of a checkout, in any file format, in the order in which the converter writes them.
 */
import { type Checkout, isObject, readJsonObject } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';
import { openSafetensors } from './safetensors.ts';
import type { Checkpoint, CheckpointTensor } from './tensors.ts';
import { openTorch } from './torch.ts';

/**
 * Opens `model*.safetensors`, or else `pytorch_model*.bin`; several files are parts, read in the order of their names.
 * @throws ConvertError if there are neither, a part is damaged or missing, or a tensor occurs twice
 */
export async function openCheckpoint(checkout: Checkout): Promise<Checkpoint> {
  const parts = (begin: string, end: string) =>
    checkout.files.filter((name) => name.startsWith(begin) && name.endsWith(end));
  const safetensors = parts('model', '.safetensors');
  const files = safetensors.length > 0 ? safetensors : parts('pytorch_model', '.bin');
  if (files.length === 0) {
    throw new ConvertError(`${checkout.name}: there are no weights: neither model*.safetensors nor pytorch_model*.bin`);
  }
  const open = safetensors.length > 0 ? openSafetensors : openTorch;
  const opened: Checkpoint[] = [];
  const close = async () => {
    await Promise.all(opened.map((part) => part.close()));
  };
  try {
    for (const file of files) opened.push(await open((await checkout.open(file))!));
    const tensors = opened.flatMap((part) => part.tensors);
    checkNames(tensors, files);
    await checkIndex(
      checkout,
      `${files === safetensors ? 'model.safetensors' : 'pytorch_model.bin'}.index.json`,
      tensors,
    );
    return { tensors, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function checkNames(tensors: readonly CheckpointTensor[], files: readonly string[]): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) throw new ConvertError(`the tensor ${name} occurs twice (in ${files.join(', ')})`);
    seen.add(name);
  }
}

/** @throws ConvertError if the index names a tensor that no part has, because a part is missing */
async function checkIndex(checkout: Checkout, path: string, tensors: readonly CheckpointTensor[]): Promise<void> {
  const index = await readJsonObject(checkout, path);
  if (index === undefined) return;
  if (!isObject(index.weight_map)) throw new ConvertError('there is no weight_map', path);
  const names = new Set(tensors.map(({ name }) => name));
  for (const [name, file] of Object.entries(index.weight_map)) {
    if (!names.has(name)) throw new ConvertError(`the tensor ${name} should be in ${file}, but no part has it`, path);
  }
}
