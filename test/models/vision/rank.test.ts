/** @file The reranker's head of Qwen3-VL: probabilities of the outputs at the last token, of texts and of prompts with images. */
import { expect, it } from 'vitest';
import { memorySource, openGguf } from '../../../src/gguf/index.ts';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../../src/kernels/wasm/index.ts';
import { loadModel, outlineModel } from '../../../src/models/index.ts';
import { normal } from '../../random.ts';
import { editedCopy } from '../edit.ts';
import { openFixture } from '../support.ts';
import { chunksOf, loadPair, type Pair, prepare, runInputs } from './support.ts';

const head = normal(128, 5, 0.1);

async function reranker() {
  const bytes = await editedCopy(await openFixture('multimodal/models/qwen3vl.gguf'), (edit) => {
    edit.setFloats('cls.output.weight', [64, 2], head);
    edit.values.set('qwen3vl.pooling_type', { type: 'uint32', value: 4 });
    edit.values.set('qwen3vl.classifier.output_labels', {
      type: 'array',
      value: { elementType: 'string', values: ['yes', 'no'] },
    });
  });
  return openGguf(memorySource(bytes, 'reranker'));
}

it.each([
  ['reference', createReferenceBackend],
  ['wasm', createWasmBackend],
] as const)('gives probabilities on %s', async (_, makeBackend) => {
  const file = await reranker();
  expect(outlineModel(file).rankOutputs).toBe('probabilities');
  const embedder = await loadPair('qwen3vl', await makeBackend());
  const { backend } = embedder;
  const pair: Pair = { ...embedder, model: await loadModel(file, backend) };
  expect(pair.model.hparams.pooling).toBe('rank');
  const image = await prepare('rgb.png', pair.tower);
  const inputs = [
    await chunksOf(pair, 'a red circle', []),
    await chunksOf(pair, 'query <__media__> document', [image]),
  ];
  const scores = await runInputs(pair, inputs, 'rank');
  const vectors = await runInputs(embedder, inputs, 'last');
  for (const [i, [vector]] of vectors.entries()) {
    const [yes, no] = [0, 1].map((o) => vector.reduce((sum, value, c) => sum + value * head[o * 64 + c], 0));
    const probability = 1 / (1 + Math.exp(no - yes));
    expect(scores[i][0].length).toBe(2);
    expect(Math.abs(scores[i][0][0] - probability)).toBeLessThan(2e-4);
    expect(Math.abs(scores[i][0][1] - (1 - probability))).toBeLessThan(2e-4);
  }
  expect(scores[0][0][0]).not.toBeCloseTo(scores[1][0][0], 3);
  backend.dispose();
});
