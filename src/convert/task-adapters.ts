/**
 * @file The adapters of jina-embeddings-v3, which its checkpoint holds beside the weights: one file for each task, as llama.cpp's
 * converter writes them. Their values are float32 whatever the type of the model.
 */
import { type ByteSink, nElements } from '../gguf/index.ts';
import { isTable, planChange, writeAdapter } from './adapter-file.ts';
import type { Checkout } from './checkout/checkout.ts';
import { type Config, readConfig } from './checkout/config.ts';
import { openCheckpoint } from './checkpoint/open-checkpoint.ts';
import { type AdapterStack, type Parametrized, separateAdapters } from './checkpoint/parametrized.ts';
import { type CheckpointTensor, holdsWeights } from './checkpoint/tensors.ts';
import { findClass } from './classes.ts';
import { ConvertError } from './conversion-error.ts';
import { type ConvertOptions, nameOf, type Planned, type PlannedTensor, planned } from './convert.ts';
import { transformerOf } from './heads/splade.ts';

const CONFIG = 'config.json';

/** A task, and what goes before its texts; `undefined` if the config has no prompts. */
interface Task {
  readonly name: string;
  readonly prompt: string | undefined;
}

/** The adapters of one weight, by its name in the file: both have the axes task, row and column. */
interface Adapted {
  readonly name: string;
  readonly down: CheckpointTensor;
  readonly up: CheckpointTensor;
}

/**
 * Writes the adapter of each task of `checkout`; nothing if its checkpoint has none.
 * @param create starts the file of a task, whose name is letters, digits, `.`, `_` and `-`
 * @returns the tensors of each file
 * @throws ConvertError for adapters that do not fit the tasks of the config, or their weights
 */
export async function convertTaskAdapters(
  checkout: Checkout,
  create: (task: string) => Promise<ByteSink>,
  { modelName = checkout.name, signal }: ConvertOptions,
): Promise<readonly (readonly PlannedTensor[])[]> {
  const main = await transformerOf(checkout);
  const config = await readConfig(main);
  const modelClass = findClass(config);
  if (!modelClass.hasTaskAdapters) return [];
  const { tensors, close } = await openCheckpoint(main);
  try {
    const parametrized = separateAdapters(tensors);
    if (parametrized.adapters.size === 0) return [];
    const tasks = readTasks(config);
    const alpha = config.float('lora_alpha') ?? 1;
    if (alpha === 0) throw new ConvertError('lora_alpha is 0; expected another number', CONFIG);
    const adapted = readStacks(parametrized, tasks.length, config.u32('lora_rank') ?? 4, (name) =>
      nameOf({ name }, config, modelClass),
    );
    const nTokens = await modelClass.tokenRows?.(main, config);
    const written: PlannedTensor[][] = [];
    for (const [i, { name: task, prompt }] of tasks.entries()) {
      const plan: Planned[] = [];
      for (const { name, down, up } of adapted) {
        plan.push(...(await planChange(name, { down: part(down, i), up: part(up, i) }, nTokens, 'F32')));
      }
      const keys = { architecture: modelClass.architecture, name: `${modelName} ${task}`, alpha, task, prompt };
      await writeAdapter(await create(task), plan, keys, { signal });
      written.push(plan.map(planned));
    }
    return written;
  } finally {
    await close();
  }
}

/** The tasks of a config. Their names become parts of file names. */
function readTasks(config: Config): Task[] {
  const names = config.get('lora_adaptations');
  const isName = (name: unknown): name is string => typeof name === 'string' && /^[\w-][\w.-]{0,63}$/.test(name);
  if (!Array.isArray(names) || names.length === 0 || !names.every(isName)) {
    throw new ConvertError(
      `lora_adaptations is ${JSON.stringify(names)}; expected the tasks of the adapters in the checkpoint, with names of up to 64 letters, digits, ".", "_" and "-"`,
      CONFIG,
    );
  }
  // On some systems, file names that differ by capitals are the same.
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) {
    throw new ConvertError(`lora_adaptations is ${JSON.stringify(names)}, which has a task twice`, CONFIG);
  }
  const prompts = config.get('task_instructions');
  if (prompts === undefined) return names.map((name) => ({ name, prompt: undefined }));
  const known = new Map<string, unknown>(Object.entries(prompts as object));
  return names.map((name) => {
    const prompt = known.get(name);
    if (typeof prompt === 'string') return { name, prompt };
    throw new ConvertError(`task_instructions has no text for the task ${name}`, CONFIG);
  });
}

/**
 * The adapters of the weights that a file has.
 * @param nameIn the name in a file of a weight of the checkpoint: `null` for one that is left out, `undefined` for an unknown one
 * @throws ConvertError for adapters whose shapes do not fit
 */
function readStacks(
  { weights, adapters }: Parametrized,
  nTasks: number,
  rank: number,
  nameIn: (name: string) => string | null | undefined,
): Adapted[] {
  const shapes = new Map(weights.map(({ name, shape }) => [name, shape]));
  return Array.from(adapters).flatMap(([from, stack]) => {
    const name = nameIn(from);
    if (name === null) return [];
    const fail = (problem: string) => new ConvertError(`tensor ${from}: ${problem}`);
    if (name === undefined) throw fail('the model has no such matrix, so it cannot be adapted');
    const shape = shapes.get(from);
    if (shape === undefined) throw fail('its original is missing');
    if (shape.length !== 2) throw fail(`it is [${shape.join(', ')}], not a matrix, so it cannot be adapted`);
    const { a, b } = bothOf(stack, fail);
    const [down, up] = isTable(name) ? [b, a] : [a, b];
    const [rows, columns] = shape;
    for (const [tensor, ...axes] of [
      [down, nTasks, rank, columns],
      [up, nTasks, rows, rank],
    ] as const) {
      if (tensor.shape.length === 3 && axes.every((n, axis) => tensor.shape[axis] === n)) continue;
      const which = `its lora_${tensor === a ? 'A' : 'B'} is [${tensor.shape.join(', ')}]`;
      throw fail(
        `${which}; for ${nTasks} tasks, the rank ${rank} and a weight [${rows}, ${columns}] it must be [${axes.join(', ')}]`,
      );
    }
    return [{ name, down, up }];
  });
}

function bothOf({ a, b }: AdapterStack, fail: (problem: string) => ConvertError): Required<AdapterStack> {
  if (a === undefined || b === undefined) throw fail(`its lora_${a === undefined ? 'A' : 'B'} is missing`);
  for (const { dtype } of [a, b]) if (!holdsWeights(dtype)) throw fail(`${dtype} holds no weights`);
  return { a, b };
}

/** Part `i` of a tensor along its first axis. */
function part({ name, dtype, shape: [, ...shape], read }: CheckpointTensor, i: number): CheckpointTensor {
  const skipped = i * nElements(shape);
  return { name, dtype, shape, read: (first, into) => read(skipped + first, into) };
}
