/**
 * @file Towers of the fixtures in other types, and the rows of a picture.
 */
import { type GgufFile, memorySink, memorySource, openGguf } from '../../../src/gguf/index.ts';
import { loadTower } from '../../../src/models/vision/index.ts';
import { quantize } from '../../../src/quantize/quantize.ts';
import type { TargetTypeName } from '../../../src/quantize/types.ts';
import type { Backend } from '../../../src/tensor/backend.ts';
import { openFixture } from '../support.ts';
import { prepare } from './support.ts';

/** The rows of one picture. */
export async function towerRows(file: GgufFile, backend: Backend): Promise<Float32Array> {
  const tower = await loadTower(file, backend);
  const [values] = await tower.encode(backend.ops, [await prepare('odd.png', tower)]);
  return values;
}

/** The tower of a pair with its matrices in another type. */
export async function quantisedTower(name: string, type: TargetTypeName): Promise<GgufFile> {
  const sink = memorySink();
  await quantize(await openFixture(`multimodal/models/mmproj-${name}.gguf`), sink, type);
  return openGguf(memorySource(sink.bytes(), `${name} ${type}`));
}
