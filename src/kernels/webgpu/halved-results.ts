/**
 * @file Which results of a forward are stored as f16: those that products read, with precision `fast`.
 *
 * Such a product rounds its input to f16 anyway. Stored as f16, the input takes half the bytes, and the result has the same bits. Sums, the
 * residual stream, and what attention reads stay float32. A norm that other steps read too (the norm after a layer) stores both forms.
 */
import type { AttentionStep, LinearStep, Step } from '../graph/step.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { storesHalves } from './shaders/attention-access.wgsl.ts';
import type { GpuWeight } from './weights.ts';

/** `f16`: only as f16. `both`: as float32 and as f16. */
export type Form = 'f16' | 'both';

/** @param takesHalves whether products with a weight take operands in f16 */
export function halvedResults(
  steps: readonly Step<GpuWeight>[],
  target: GraphTensor,
  takesHalves: (weight: GpuWeight) => boolean,
): ReadonlyMap<GraphTensor, Form> {
  const onProducts = (step: Step<GpuWeight>): step is LinearStep<GpuWeight> =>
    step.op === 'linear' && step.norm === undefined && takesHalves(step.parts[0].weight);
  const byProducts = new Set<GraphTensor>();
  const byOthers = new Set<GraphTensor>([target.base]);
  for (const step of steps) {
    step.inputs.forEach((x, i) => {
      const isOperand = i === 0 && x === x.base && onProducts(step);
      (isOperand ? byProducts : byOthers).add(x.base);
    });
  }
  const forms = new Map<GraphTensor, Form>();
  for (const step of steps) {
    const { out } = step;
    if (!byProducts.has(out) || out.cols % 8 !== 0) continue;
    const isWholeNorm = step.op === 'norm' && step.groups === 1 && step.rotation === undefined;
    const isAttention = step.op === 'attention' && attentionStoresHalves(step);
    if (byOthers.has(out)) {
      if (isWholeNorm) forms.set(out, 'both');
    } else if (isWholeNorm || isAttention || onProducts(step)) {
      forms.set(out, 'f16');
    }
  }
  return forms;
}

function attentionStoresHalves({ inputs: [q, , v], options: { nHead, nHeadKv } }: AttentionStep): boolean {
  return storesHalves(q.cols / nHead, v.cols / nHeadKv);
}
