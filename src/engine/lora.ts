/**
 * @file LoRA adapters of a loaded model: the options that name and scale them, and the scales of one call.
 */
import { finite, integer, OptionProblem, plainEntries } from '../check-options.ts';
import { InputError } from './errors.ts';
import { isModelSource, MODEL_SOURCES, type ModelSource } from './load/source.ts';

/** An adapter to load, with the scale at which it is applied to calls that give none. Default 1. */
export interface LoraSource {
  readonly source: ModelSource;
  readonly scale?: number | undefined;
}

/** The scale of one adapter. */
export interface LoraScale {
  /** Its place in the list of `load`, from 0. */
  readonly id: number;
  /** Multiplies what the adapter adds; 0 leaves it out. */
  readonly scale: number;
}

/** A loaded adapter. */
export interface AdapterInfo {
  readonly id: number;
  /** Name of the source (usually the path). */
  readonly path: string;
  readonly alpha: number;
  readonly rank: number;
  /** The task that it is for; `undefined` if its file names none. */
  readonly task: string | undefined;
  /** What goes before each text of its task. */
  readonly promptPrefix: string;
}

/** How adapters are chosen for one call. */
export interface AdapterChoice {
  /** Adapters and their scales; those that are not named have scale 0. Default: the scales of `load` or `setLora`. */
  readonly lora?: readonly LoraScale[] | undefined;
  /**
   * The task of the inputs, as `retrieval.query`: the adapter of this task is applied alone, and its prompt goes before each input, unless the
   * call has another. Cannot be given with `lora`.
   */
  readonly task?: string | undefined;
}

/** Checks the option `lora` of `load`: a list of sources, each alone or with its scale. */
export function loraSources(name: string, value: unknown): readonly LoraSource[] {
  if (!Array.isArray(value)) throw new OptionProblem(`${name} must be a list of adapters`);
  return value.map((one: unknown, i) => {
    if (isModelSource(one)) return { source: one };
    const what = `${name}[${i}]`;
    const { source, scale } = knownFields(what, one, ['source', 'scale']);
    if (!isModelSource(source)) throw new OptionProblem(`${what}.source must be ${MODEL_SOURCES}`);
    return { source, scale: scale === undefined ? undefined : (finite(`${what}.scale`, scale) as number) };
  });
}

/** Checks the option `lora` of a call. */
export function loraScales(name: string, value: unknown): readonly LoraScale[] {
  if (!Array.isArray(value)) throw new OptionProblem(`${name} must be a list of objects with id and scale`);
  const id = integer(0, Number.MAX_SAFE_INTEGER, 'the number of an adapter');
  return value.map((one: unknown, i) => {
    const what = `${name}[${i}]`;
    const { id: given, scale } = knownFields(what, one, ['id', 'scale']);
    return { id: id(`${what}.id`, given) as number, scale: finite(`${what}.scale`, scale) as number };
  });
}

/** The fields of an object. @throws OptionProblem for one that is not `known` */
function knownFields(what: string, given: unknown, known: readonly string[]): Record<string, unknown> {
  const fields = Object.fromEntries(plainEntries(what, given));
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new OptionProblem(`${what} has no "${unknown}": known are ${known.join(', ')}`);
  return fields;
}

/**
 * The scale of each of `n` adapters; those that the list does not name have 0.
 * @throws InputError for an adapter that does not exist
 */
export function scalesOf(n: number, lora: readonly LoraScale[]): number[] {
  const scales = new Array<number>(n).fill(0);
  for (const { id, scale } of lora) {
    if (id >= n) {
      const known = n === 0 ? 'the model was loaded without adapters' : `there are 0 to ${n - 1}`;
      throw new InputError('option', `no adapter has the id ${id}: ${known}`);
    }
    scales[id] = scale;
  }
  return scales;
}

/** The adapter of a task, alone, and the text that goes before each input. */
interface TaskAdapter {
  readonly lora: readonly LoraScale[];
  readonly promptPrefix: string;
}

/** @throws InputError for a task that no adapter is for */
export function taskAdapter(adapters: readonly AdapterInfo[], task: string): TaskAdapter {
  const found = adapters.find((adapter) => adapter.task === task);
  if (found === undefined) {
    const known = adapters.flatMap((adapter) => adapter.task ?? []).join(', ') || 'none';
    throw new InputError('option', `no adapter is for the task ${JSON.stringify(task)} (known: ${known})`);
  }
  return { lora: [{ id: found.id, scale: 1 }], promptPrefix: found.promptPrefix };
}

/**
 * The adapters of a call as a list.
 * @returns `undefined` if the call chooses none
 * @throws InputError for a task that no adapter is for, or a task beside `lora`
 */
export function chooseAdapters(
  adapters: readonly AdapterInfo[],
  { lora, task }: AdapterChoice,
): Partial<TaskAdapter> | undefined {
  if (task === undefined) return lora && { lora };
  if (lora !== undefined) throw new InputError('option', 'task chooses an adapter: it cannot be given with lora');
  return taskAdapter(adapters, task);
}

/** What a batch needs of the scales: nothing if no adapter is applied. */
export function appliedScales(scales: readonly number[]): readonly number[] | undefined {
  return scales.some((scale) => scale !== 0) ? scales : undefined;
}
