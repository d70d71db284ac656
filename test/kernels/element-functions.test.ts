/**
 * @file The element-wise functions of layers over pooled vectors, on the backends that compute on the CPU, against PyTorch
 * (test/fixtures/make/sentence_modules.py).
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { activationName } from '../../src/convert/layers/activations.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import { isRare } from '../../src/tensor/element-functions.ts';
import type { Activation } from '../../src/tensor/ops.ts';
import { floats } from '../vectors.ts';

interface Recorded {
  readonly inputs: string;
  readonly outputs: Readonly<Record<string, string>>;
}

const recorded: Recorded = JSON.parse(
  readFileSync(new URL('../fixtures/reference/own/activations.json', import.meta.url), 'utf8'),
);
const inputs = floats(recorded.inputs);

it.each([
  ['reference', createReferenceBackend],
  ['wasm', createWasmBackend],
] as const)('%s computes what PyTorch does', async (_, makeBackend) => {
  const backend = await makeBackend();
  const { ops } = backend;
  expect(Object.keys(recorded.outputs).length).toBeGreaterThan(20);
  for (const [kind, output] of Object.entries(recorded.outputs)) {
    const name = activationName(`torch.nn.modules.activation.${kind}`, '');
    ops.begin({
      ids: Int32Array.of(0),
      positions: Int32Array.of(0),
      offsets: Int32Array.of(0, 1),
      given: { values: inputs, width: inputs.length, at: Int32Array.of(0) },
    });
    const x = ops.given(0, inputs.length);
    if (name === 'identity') continue;
    const y = name === 'softmax' ? ops.softmax(x) : ops.activate(x, name as Activation);
    const values = await ops.read(y);
    const tolerance = isRare(name) ? 3e-7 : 1e-5;
    for (const [i, expected] of floats(output).entries()) {
      const difference = Math.abs(values[i] - expected);
      // PyTorch itself rounds differences of numbers near 1.
      expect(difference, `${kind}(${inputs[i]})`).toBeLessThan(tolerance * Math.max(Math.abs(expected), 0.2));
    }
  }
  backend.dispose();
});
