/** @file Files with a tower that cannot be used: each is refused by name. */
import { describe, expect, it } from 'vitest';
import { type GgufFile, memorySource, openGguf } from '../../../src/gguf/index.ts';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../../src/kernels/wasm/index.ts';
import { outlineModel } from '../../../src/models/index.ts';
import { checkFits, loadTower, outlineTower, towerTree } from '../../../src/models/vision/index.ts';
import { type Edit, editedCopy } from '../edit.ts';
import { openFixture } from '../support.ts';
import { pairNames, prepare } from './support.ts';

async function edited(name: string, change: (edit: Edit) => void): Promise<GgufFile> {
  const file = await openFixture(`multimodal/models/mmproj-${name}.gguf`);
  return openGguf(memorySource(await editedCopy(file, change), name));
}

const set =
  (key: string, type: 'uint32' | 'string' | 'bool' | 'float32', value: number | string | boolean) =>
  ({ values }: Edit) => {
    values.set(key, { type, value } as never);
  };
const without = (key: string) => (edit: Edit) => {
  edit.values.delete(key);
  edit.tensors.delete(key);
};

describe('a file is refused', () => {
  it.each<[string, string, (edit: Edit) => void]>([
    ['a file with a vision tower has clip there', 'qwen3vl', set('general.architecture', 'string', 'bert')],
    ['no vision tower: clip.has_vision_encoder', 'qwen3vl', without('clip.has_vision_encoder')],
    ['clip.projector_type is missing', 'qwen3vl', without('clip.projector_type')],
    [
      'the projector type ldpv2 is not supported; supported are qwen2vl_merger, qwen2.5vl_merger, qwen3vl_merger, gemma3, idefics3',
      'qwen3vl',
      set('clip.projector_type', 'string', 'ldpv2'),
    ],
    ['clip.vision.block_count is 513', 'gemma3', set('clip.vision.block_count', 'uint32', 513)],
    ['clip.vision.patch_size is 0', 'gemma3', set('clip.vision.patch_size', 'uint32', 0)],
    ['clip.vision.patch_size is 65', 'qwen3vl', set('clip.vision.patch_size', 'uint32', 65)],
    ['clip.vision.image_size is 4097', 'gemma3', set('clip.vision.image_size', 'uint32', 4097)],
    ['clip.vision.patch_size is missing', 'gemma3', without('clip.vision.patch_size')],
    ['clip.vision.image_mean is missing', 'gemma3', without('clip.vision.image_mean')],
    ['clip.vision.image_size is 169', 'gemma3', set('clip.vision.image_size', 'uint32', 169)],
    ['clip.vision.projector.scale_factor is 5', 'gemma3', set('clip.vision.projector.scale_factor', 'uint32', 5)],
    ['does not divide 48 values', 'gemma3', set('clip.vision.attention.head_count', 'uint32', 7)],
    ['heads of 6 values', 'qwen2vl', set('clip.vision.attention.head_count', 'uint32', 8)],
    ['use_gelu and clip.use_silu', 'gemma3', set('clip.use_silu', 'bool', true)],
    ['n_wa_pattern is missing', 'qwen25vl', without('clip.vision.n_wa_pattern')],
    ['spatial_merge_size is 3', 'qwen3vl', set('clip.vision.spatial_merge_size', 'uint32', 3)],
    ['tensor v.blk.1.ln2.bias is missing: clip.vision needs it', 'qwen3vl', without('v.blk.1.ln2.bias')],
    ['tensor v.patch_embd.weight.1 is missing', 'qwen2vl', without('v.patch_embd.weight.1')],
    [
      'tensor v.patch_embd.weight.1 has the shape [48]',
      'qwen2vl',
      (edit) => edit.setFloats('v.patch_embd.weight.1', [48], new Float32Array(48)),
    ],
    [
      'has 3 rows, which is not a square number',
      'qwen3vl',
      (edit) => edit.setFloats('v.position_embd.weight', [48, 3], new Float32Array(144)),
    ],
    ['tensor mm.2.weight has the shape', 'qwen2vl', set('clip.vision.projection_dim', 'uint32', 65)],
  ])('%s', async (message, name, change) => {
    const file = await edited(name, change);
    expect(() => outlineTower(file)).toThrow(message);
  });

  it('when the rows do not fit the text model', async () => {
    const tower = async (name: string) => outlineTower(await openFixture(`multimodal/models/mmproj-${name}.gguf`));
    const model = async (path: string) => outlineModel(await openFixture(path));
    for (const name of pairNames) checkFits(await tower(name), await model(`multimodal/models/${name}.gguf`));
    const qwen2 = await model('multimodal/models/qwen2vl.gguf');
    expect(() => checkFits({ projector: 'qwen2vl_merger', width: 192 }, qwen2)).toThrow(
      'the vision tower (qwen2vl_merger) produces rows of 192 values, but the text model (qwen2vl) takes 64',
    );
    // Rows of the right width do not make a pair.
    for (const [projector, name, wanted] of [
      ['gemma3', 'qwen2vl', 'gemma3'],
      ['qwen2vl_merger', 'gemma3', 'qwen2vl'],
      ['qwen2.5vl_merger', 'qwen3vl', 'qwen2vl'],
      ['idefics3', 'qwen25vl', 'llama or llama-embed'],
    ]) {
      const other = await model(`multimodal/models/${name}.gguf`);
      expect(() => checkFits({ projector, width: 64 }, other)).toThrow(
        `the vision tower (${projector}) is for text models of the architecture ${wanted}, but this one is`,
      );
    }
    const qwen3 = await model('models/qwen3.gguf');
    expect(() => checkFits({ projector: 'qwen2.5vl_merger', width: 64 }, qwen3)).toThrow('but this one is qwen3');
    const bert = await model('models/bert-mean.gguf');
    expect(() => checkFits({ projector: 'gemma3', width: 64 }, bert)).toThrow('bert does not take images');
  });
});

it('shows what a tower consists of', async () => {
  const file = await openFixture('multimodal/models/mmproj-qwen3vl.gguf');
  const tree = towerTree(file);
  expect(tree.name).toBe('qwen3vl_merger');
  expect(tree.children.map(({ name }) => name)).toEqual(['v', 'mm']);
  expect(tree.nParams).toBe([...file.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength / 4, 0));
});

it('tensors that a tower does not know are left alone', async () => {
  const file = await edited('qwen2vl', (edit) => edit.setFloats('v.extra.weight', [3], new Float32Array(3)));
  expect(outlineTower(file).width).toBe(64);
});

it('old files with exchanged feed-forward matrices give the same rows', async () => {
  const image = await prepare('odd.png', outlineTower(await openFixture('multimodal/models/mmproj-qwen2vl.gguf')));
  const rows = async (change: (edit: Edit) => void) => {
    const backend = await createReferenceBackend();
    const tower = await loadTower(await edited('qwen2vl', change), backend);
    return tower.encode(backend.ops, [image]);
  };
  const swapped = await rows(({ tensors }) => {
    for (let il = 0; il < 3; il++) {
      for (const part of ['weight', 'bias']) {
        const [up, down] = [`v.blk.${il}.ffn_up.${part}`, `v.blk.${il}.ffn_down.${part}`];
        const [first, second] = [tensors.get(up)!, tensors.get(down)!];
        tensors.set(up, second).set(down, first);
      }
    }
  });
  expect(swapped).toEqual(await rows(() => {}));
});

it('an image of a size that the tower does not take is refused', async () => {
  const backend = await createWasmBackend();
  const tower = await loadTower(await openFixture('multimodal/models/mmproj-qwen2vl.gguf'), backend);
  const image = { width: 56, height: 57, rgb: new Uint8Array(56 * 57 * 3) };
  expect(() => tower.grid(image)).toThrow('56x57 pixels cannot be divided into squares of 28');
  await expect(tower.encode(backend.ops, [image])).rejects.toThrow('56x57');
  backend.dispose();
});
