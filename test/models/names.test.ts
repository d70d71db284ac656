/**
 * @file The names of steps: given by the weight that a step uses or by its place in the layer, and nothing else changes.
 */
import { expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { pack } from '../kernels/graphs.ts';
import { load } from './support.ts';

it('a forward with names computes the bits of one without', async () => {
  const { backend, model } = await load('qwen3', undefined, () => createReferenceBackend());
  const batch = pack([[5, 6, 7], [8]]);
  const forward = async (name: 'forward' | 'namedForward') => {
    backend.ops.begin(batch);
    return backend.ops.read(model[name](backend.ops));
  };
  expect(await forward('namedForward')).toEqual(await forward('forward'));
});

it('an observer sees nothing of a forward without names', async () => {
  const { backend, model } = await load('bert-mean', undefined, () => createReferenceBackend());
  const seen: string[] = [];
  backend.observe((name) => seen.push(name));
  backend.ops.begin(pack([[5, 6, 7]]));
  model.forward(backend.ops);
  expect(seen).toEqual([]);
  backend.ops.begin(pack([[5, 6, 7]]));
  model.namedForward(backend.ops);
  expect(seen.at(-1)).toBe('result_embd');
  expect(seen.filter((name) => name.endsWith('-0')).length).toBe(seen.filter((name) => name.endsWith('-1')).length + 3);
});
