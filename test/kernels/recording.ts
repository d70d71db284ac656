/**
 * @file Recorded forwards over weights that are shapes alone, for tests of the passes.
 */
import { ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { neededFor } from '../../src/kernels/graph/liveness.ts';
import { Recorder } from '../../src/kernels/graph/record.ts';
import type { Recording } from '../../src/kernels/graph/recording.ts';
import type { Step } from '../../src/kernels/graph/step.ts';
import type { GraphTensor } from '../../src/kernels/graph/tensor.ts';
import type { Ops, Tensor, Weight } from '../../src/tensor/ops.ts';
import { countingBatch } from './graphs.ts';

/** A weight of that shape. */
export const weight = (...shape: number[]): Weight => ({ name: `w${shape.join('x')}`, type: ggmlTypes.F32, shape });
/** A linear layer from 8 to 8 columns. */
export const matrix = { weight: weight(8, 8) };
export const norm = { kind: 'rms', eps: 1e-6 } as const;
export const rotation = { nHead: 2, nRot: 4, kind: 'neox', freqBase: 10000 } as const;
export const attending = { nHead: 2, nHeadKv: 2, scale: 1 };
/** Sequences of the batch. */
export const nSeq = 3;

/** The steps of a forward over three sequences that makes what `graph` returns. */
export async function record(graph: (ops: Ops) => Tensor): Promise<{ steps: readonly Step[]; target: GraphTensor }> {
  let found: { recording: Recording<Weight>; target: GraphTensor } | undefined;
  const { ops } = new Recorder<Weight>({
    own: (w) => w,
    begin: () => false,
    read: async (recording, target) => {
      found = { recording, target };
      return new Float32Array();
    },
  });
  ops.begin(countingBatch([4, 1, 3]));
  await ops.read(graph(ops));
  const { recording, target } = found!;
  return { steps: neededFor(target, recording.steps), target };
}

/** A layer with rotary positions over the rows of a table. */
export function layer(ops: Ops): Tensor {
  const x = ops.embedding(weight(8, 50), 'ids');
  const [q, k, v] = [1, 2, 3].map(() => ops.linear(x, matrix));
  const attended = ops.attention(ops.rope(q, rotation), ops.rope(k, rotation), v, attending);
  const h = ops.linear(attended, matrix, { residual: x });
  return ops.norm(h, { weight: weight(8) }, norm);
}
