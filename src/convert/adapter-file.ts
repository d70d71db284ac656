/**
 * @file GGUF files of LoRA adapters: their keys, and their two tensors for each weight, with the names and shapes of llama.cpp.
 */
import { type ByteSink, GgufWriter } from '../gguf/index.ts';
import { readAll } from './checkpoint/read-all.ts';
import { type CheckpointTensor, tensorOf } from './checkpoint/tensors.ts';
import { type ConvertOptions, type Planned, writeTensors } from './convert.ts';
import { chooseType, type OutputType } from './output-types.ts';

/** What an adapter adds to a weight `[rows, columns]`, times its scale: the product of `up` `[rows, rank]` and `down` `[rank, columns]`. */
export interface Change {
  readonly down: CheckpointTensor;
  readonly up: CheckpointTensor;
}

/** What the keys of an adapter file say. */
export interface AdapterKeys {
  readonly architecture: string;
  readonly name: string;
  readonly alpha: number;
  readonly task?: string;
  /** What goes before each text of the task. */
  readonly prompt?: string;
}

/** Whether the weight of this name in a file is a table whose rows are looked up. */
export function isTable(name: string): boolean {
  return name === 'token_embd.weight' || name === 'token_types.weight';
}

/**
 * The two tensors for the weight `name` of a file.
 * @param nTokens rows of the token table that the model keeps; default: all
 */
export async function planChange(
  name: string,
  { down, up }: Change,
  nTokens: number | undefined,
  wanted: OutputType,
): Promise<Planned[]> {
  const [rows, rank] = up.shape;
  const columns = down.shape[1];
  const plan = (part: string, source: CheckpointTensor, shape: readonly number[]): Planned => {
    const target = `${name}.${part}`;
    return { name: target, shape, type: chooseType(target, shape, wanted), source, skipped: 0 };
  };
  // Its rows are looked up in A, which is stored the other way round.
  if (name === 'token_embd.weight') {
    const kept = Math.min(rows, nTokens ?? rows);
    return [plan('lora_a', up, [rank, kept]), plan('lora_b', await turned(down), [rank, columns])];
  }
  return [plan('lora_a', down, [columns, rank]), plan('lora_b', up, [rank, rows])];
}

/** `source` `[m, n]` as `[n, m]` in float32, in memory: for a rank times tokens at most. */
export async function turned(source: CheckpointTensor): Promise<CheckpointTensor> {
  const [m, n] = source.shape;
  const values = await readAll(source);
  return tensorOf(
    source.name,
    Float32Array.from(values, (_, i) => values[(i % m) * n + Math.floor(i / m)]),
    [n, m],
  );
}

/** Writes an adapter file. */
export async function writeAdapter(
  sink: ByteSink,
  plan: readonly Planned[],
  { architecture, name, alpha, task, prompt }: AdapterKeys,
  options: ConvertOptions,
): Promise<void> {
  const writer = new GgufWriter(sink);
  const set = (key: string, value: string | undefined) => {
    if (value !== undefined) writer.set(key, { type: 'string', value });
  };
  set('general.architecture', architecture);
  set('general.type', 'adapter');
  set('general.name', name);
  set('adapter.type', 'lora');
  writer.set('adapter.lora.alpha', { type: 'float32', value: alpha });
  set('adapter.lora.task_name', task);
  set('adapter.lora.prompt_prefix', prompt);
  for (const tensor of plan) writer.addTensor(tensor.name, tensor.type, tensor.shape);
  options.signal?.throwIfAborted();
  await writer.writeHeader();
  const total = plan.reduce((sum, { shape: [a, b] }) => sum + a * b, 0);
  await writeTensors(writer, plan, total, options);
  writer.finish();
}
