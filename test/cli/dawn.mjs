/**
 * @file Loaded into the program before anything else (`--import`): gives it a GPU that fails or calls itself as
 * a test wants, as `navigator.gpu`, in its workers too. With LOSE_DEVICE_AT=N every device is lost
 * with the N-th work it is given; with ADAPTER_VENDOR the adapter calls itself that, so that it counts as a real GPU.
 */
import { create } from 'webgpu';

const loseAt = Number(process.env.LOSE_DEVICE_AT ?? 0);
const dawn = create(process.platform === 'linux' ? ['backend=vulkan'] : []);

async function requestAdapter(options) {
  const adapter = await dawn.requestAdapter(options);
  const vendor = process.env.ADAPTER_VENDOR;
  const info = { vendor, architecture: '', device: '', description: '' };
  if (vendor !== undefined) Object.defineProperty(adapter, 'info', { value: info });
  const requestDevice = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = async (descriptor) => breakLater(await requestDevice(descriptor));
  return adapter;
}

function breakLater(device) {
  const submit = device.queue.submit.bind(device.queue);
  let n = 0;
  device.queue.submit = (buffers) => {
    if (++n === loseAt) device.destroy();
    return submit(buffers);
  };
  return device;
}

Object.defineProperty(globalThis, 'navigator', { value: { gpu: { requestAdapter } }, configurable: true });
