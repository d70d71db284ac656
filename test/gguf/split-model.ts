/**
 * @file Splits a model as llama.cpp's gguf-split does.
 */
import { type GgufFile, GgufWriter, memorySink } from '../../src/gguf/index.ts';

/** The bytes of the parts, each with about as many tensors as the others. */
export async function splitModel(file: GgufFile, count: number): Promise<Uint8Array[]> {
  const tensors = [...file.tensors.values()];
  const share = Math.ceil(tensors.length / count);
  return Promise.all(
    Array.from({ length: count }, async (_, no) => {
      const sink = memorySink();
      const writer = new GgufWriter(sink);
      if (no === 0) for (const key of file.metadata.keys()) writer.set(key, file.metadata.typed(key)!);
      writer.set('split.no', { type: 'uint16', value: no });
      writer.set('split.count', { type: 'uint16', value: count });
      writer.set('split.tensors.count', { type: 'int32', value: tensors.length });
      const own = tensors.slice(no * share, (no + 1) * share);
      for (const { name, type, shape } of own) writer.addTensor(name, type, shape);
      await writer.writeHeader();
      for (const info of own) {
        const data = new Uint8Array(info.byteLength);
        await file.readTensor(info, 0, data);
        await writer.writeTensor(info.name, [data]);
      }
      return sink.bytes();
    }),
  );
}
