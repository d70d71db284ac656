/**
 * @file Adapters for fixture models, made of the numbers of a generator.
 */
import { GgufWriter, ggmlTypes, memorySink, memorySource, openGguf, type ValueToWrite } from '../../src/gguf/index.ts';
import { random } from '../random.ts';
import { openFixture } from './support.ts';

/** A file of an adapter, to be changed. */
export interface AdapterEdit {
  readonly values: Map<string, ValueToWrite>;
  readonly tensors: Map<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;
}

/**
 * The bytes of an adapter for `models/<name>.gguf` of the fixtures.
 * @param targets names of the tensors that it adapts
 * @param change edits the file before it is written
 */
export async function adapterBytes(
  name: string,
  targets: readonly string[],
  { rank = 3, alpha = 6, seed = 1, size = 0.3 }: { rank?: number; alpha?: number; seed?: number; size?: number } = {},
  change: (edit: AdapterEdit) => void = () => {},
): Promise<Uint8Array> {
  const base = await openFixture(`models/${name}.gguf`);
  const next = random(seed);
  const matrix = (...shape: number[]) => ({
    shape,
    values: Float32Array.from({ length: shape[0] * shape[1] }, () => (next() - 0.5) * 2 * size),
  });
  const edit: AdapterEdit = {
    values: new Map<string, ValueToWrite>([
      ['general.type', { type: 'string', value: 'adapter' }],
      ['general.architecture', { type: 'string', value: base.metadata.string('general.architecture')! }],
      ['adapter.type', { type: 'string', value: 'lora' }],
      ['adapter.lora.alpha', { type: 'float32', value: alpha }],
    ]),
    tensors: new Map(
      targets.flatMap((target) => {
        const [nIn, nOut = 1] = base.tensors.get(target)!.shape;
        const turned = target === 'token_embd.weight';
        return [
          [`${target}.lora_a`, turned ? matrix(rank, nOut) : matrix(nIn, rank)],
          [`${target}.lora_b`, turned ? matrix(rank, nIn) : matrix(rank, nOut)],
        ] as const;
      }),
    ),
  };
  change(edit);
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  for (const [key, value] of edit.values) writer.set(key, value);
  for (const [tensor, { shape }] of edit.tensors) writer.addTensor(tensor, ggmlTypes.F32, shape);
  await writer.writeHeader();
  for (const [tensor, { values }] of edit.tensors) {
    await writer.writeTensor(tensor, [new Uint8Array(values.slice().buffer)]);
  }
  writer.finish();
  return sink.bytes();
}

/** As `adapterBytes`, opened. */
export async function openAdapter(...args: Parameters<typeof adapterBytes>) {
  return openGguf(memorySource(await adapterBytes(...args), 'adapter.gguf'));
}
