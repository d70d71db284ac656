/**
 * @file The bytes that the launches of a layer read and write, without weights. Dawn's null adapter, which plans and launches everything and
 * computes nothing, is enough.
 */
import { syntheticLayers } from './layers.mjs';
import { requestDevice } from './request-device.mjs';
import { packed } from './synthetic.mjs';
import { workOf } from './work.mjs';

/** Options of Dawn for the null adapter. */
export const nullOptions = ['backend=null', 'enable-dawn-features=allow_unsafe_apis'];

/** All bytes grow with the rows, as long as norms have launches of their own; the null adapter's bindings are small. */
const batch = packed(8, 128);

/** Bytes a row by what launches do, of a layer between others: what a third layer adds. */
export async function layerBytes(gpu, createWebGpuBackend, types, shape, { precision, strategy, type }) {
  // Types without bytes: weights are not counted.
  const free = Object.fromEntries(Object.keys(types).map((name) => [name, { blockSize: 1, blockBytes: 0 }]));
  const forwardBytes = async (nLayer) => {
    const { adapter, device } = await requestDevice(gpu);
    const options = { precision, strategy, autotune: false, selfCheck: false };
    const backend = await createWebGpuBackend({ adapter, device, ...options });
    const forward = await syntheticLayers(backend, types, shape, nLayer, type);
    const launches = await backend.timed(() => forward(batch));
    backend.dispose();
    device.destroy();
    const bytes = new Map();
    workOf(launches, { types: free, offsets: batch.offsets }).forEach((work, i) => {
      const what = launches[i].label.replace(/[-.]\d+/g, '');
      bytes.set(what, (bytes.get(what) ?? 0) + work.bytes / batch.ids.length);
    });
    return bytes;
  };
  const [two, three] = [await forwardBytes(2), await forwardBytes(3)];
  return new Map(
    [...three].map(([what, bytes]) => [what, bytes - (two.get(what) ?? 0)]).filter(([, bytes]) => bytes > 0),
  );
}
