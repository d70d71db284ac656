/** @file The rungs that the WebGPU backend runs: the product as a model would ask for it, with a precision and a strategy. */
import { ggmlTypes } from '../../../build/modules/gguf/ggml-types.js';
import { createWebGpuBackend } from '../../../build/modules/kernels/webgpu/index.js';
import { codecs } from '../../../build/modules/tensor/codecs/index.js';

/** A tensor of `values`, stored as `type`. */
function sourceOf(name, type, shape, values) {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const bytes = new Uint8Array((values.length / blockSize) * blockBytes);
  codecs[type].quantize(values, bytes, values.length);
  return {
    name,
    type: ggmlTypes[type],
    shape,
    byteLength: bytes.length,
    read: async (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  };
}

/** Prepares the product of `a` and of `w`, which is stored as `type`. */
export async function prepare({ adapter, device }, a, w, { M, N, K }, { type, precision, strategy }) {
  const backend = await createWebGpuBackend({ adapter, device, precision, strategy });
  const load = async (source, role) => {
    const weight = backend.allocate(source, role);
    await backend.fill(weight, source);
    return weight;
  };
  const rows = await load(sourceOf('a', 'F32', [K, M], a), 'table');
  const weight = await load(sourceOf('w', type, [K, N], w), 'matrix');
  const numbers = Int32Array.from({ length: M }, (_, m) => m);
  const batch = { ids: numbers, positions: numbers, offsets: Int32Array.of(0, M) };
  const forward = () => {
    backend.ops.begin(batch);
    return backend.ops.read(backend.ops.linear(backend.ops.embedding(rows, 'ids'), { weight }));
  };
  let kernel;
  return {
    /** Milliseconds of the product and, where there is one, of the kernel that rounds its input; of the whole forward without timestamps. */
    async run() {
      if (!device.features.has('timestamp-query')) {
        const begin = performance.now();
        await forward();
        return performance.now() - begin;
      }
      const launches = (await backend.timed(forward)).filter(({ label }) => !label.startsWith('embedding'));
      kernel = launches.map((launch) => launch.kernel).join(', ');
      return launches.reduce((sum, { nanoseconds }) => sum + nanoseconds / 1e6, 0);
    },
    /** The kernels that ran, where they are known. */
    kernel: () => kernel,
    result: forward,
    dispose: () => backend.dispose(),
  };
}
