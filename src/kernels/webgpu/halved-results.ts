/**
 * @file Which results of a forward are stored as f16: those that only products and attention read, with precision `fast`.
 *
 * These round what they read to f16 anyway. Stored as f16, it takes half the bytes, and the result has the same bits. Sums and the residual
 * stream stay float32. A product may have both: queries and keys for a rotation, and then values for attention. A norm that other steps read
 * too (the norm after a layer) stores all its values in both forms.
 */
import type { AttentionStep, LinearStep, Step } from '../graph/step.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { storesHalves } from './shaders/attention-access.wgsl.ts';
import type { GpuWeight } from './weights.ts';

/** The first column that is stored only as f16; those in front of it are float32. `both`: all columns as float32 and as f16. */
export type Form = number | 'both';

/** What takes its operands in f16. */
export interface TakesHalves {
  readonly products: (weight: GpuWeight) => boolean;
  readonly attention: boolean;
}

/** How the columns of a result are read. */
interface Readers {
  /** The end of those that are read as float32. */
  floatsEnd: number;
  /** A product reads all of them as f16. */
  feedsProducts: boolean;
  /** What attention reads as f16. */
  readonly attended: GraphTensor[];
}

export function halvedResults(
  steps: readonly Step<GpuWeight>[],
  target: GraphTensor,
  takes: TakesHalves,
): ReadonlyMap<GraphTensor, Form> {
  const readers = readersOf(steps, target, takes);
  const forms = new Map<GraphTensor, Form>();
  for (const step of steps) {
    const read = readers.get(step.out);
    if (read === undefined || step.out.cols % 8 !== 0) continue;
    const form = formOf(step, read);
    if (form !== undefined) forms.set(step.out, form);
  }
  return forms;
}

function readersOf(
  steps: readonly Step<GpuWeight>[],
  target: GraphTensor,
  takes: TakesHalves,
): ReadonlyMap<GraphTensor, Readers> {
  const readers = new Map<GraphTensor, Readers>();
  const of = ({ base }: GraphTensor): Readers => {
    let read = readers.get(base);
    if (read === undefined) readers.set(base, (read = { floatsEnd: 0, feedsProducts: false, attended: [] }));
    return read;
  };
  const onProducts = (step: Step<GpuWeight>): step is LinearStep<GpuWeight> =>
    step.op === 'linear' && step.norm === undefined && takes.products(step.parts[0].weight);
  of(target).floatsEnd = target.base.cols;
  for (const step of steps) {
    step.inputs.forEach((x, i) => {
      const read = of(x);
      if (i === 0 && x === x.base && onProducts(step)) read.feedsProducts = true;
      else if (takes.attention && step.op === 'attention' && attentionReadsHalves(step)) read.attended.push(x);
      else read.floatsEnd = Math.max(read.floatsEnd, x.start + x.cols);
    });
  }
  return readers;
}

/** How the result of a step is stored; `undefined`: as float32. */
function formOf(step: Step<GpuWeight>, { floatsEnd, feedsProducts, attended }: Readers): Form | undefined {
  const isAll =
    floatsEnd === 0 && (feedsProducts || attended.length > 0) && attended.every(({ start }) => start % 8 === 0);
  switch (step.op) {
    case 'norm':
      if (step.rotation !== undefined) return isAll && rotatesHalves(step.out, step.rotation) ? 0 : undefined;
      if ((step.out.cols / step.groups) % 8 !== 0) return undefined;
      if (isAll) return 0;
      return feedsProducts && step.groups === 1 ? 'both' : undefined;
    case 'rope':
      return isAll && rotatesHalves(step.out, step.options) ? 0 : undefined;
    case 'attention':
      return isAll && attentionStoresHalves(step) ? 0 : undefined;
    case 'linear': {
      const isBehind = attended.length > 0 && attended.every(({ start }) => start % 8 === 0 && start >= floatsEnd);
      if (step.norm !== undefined || floatsEnd % 8 !== 0) return undefined;
      return isAll || (isBehind && !feedsProducts) ? floatsEnd : undefined;
    }
    default:
      return undefined;
  }
}

function headSizes({ inputs: [q, , v], options: { nHead, nHeadKv } }: AttentionStep): [d: number, dv: number] {
  return [q.cols / nHead, v.cols / nHeadKv];
}

function attentionStoresHalves(step: AttentionStep): boolean {
  return storesHalves(...headSizes(step));
}

/** Heads begin at whole vectors of f16. */
function attentionReadsHalves(step: AttentionStep): boolean {
  return headSizes(step).every((size) => size % 8 === 0);
}

/** Two pairs of values, as a thread rotates them, are whole words, wherever the partners are. */
function rotatesHalves({ cols }: GraphTensor, { nHead, nRot }: { nHead: number; nRot: number }): boolean {
  return (cols / nHead) % 8 === 0 && nRot % 4 === 0;
}
