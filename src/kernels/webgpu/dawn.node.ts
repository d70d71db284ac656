/**
 * @file WebGPU for Node: the optional package `webgpu` (Dawn), loaded on demand.
 */
import { GpuUnavailableError } from './errors.ts';

/** What this file uses of the package. */
interface DawnModule {
  create(options: string[]): GPU;
}

/**
 * Dawn's own switches: the experimental subgroup matrix and, on NVIDIA, `shader-f16`, where the adapter has them; Dawn hides
 * both otherwise. Kernels keep values as f16 and multiply them by subgroup matrices, after a check; none adds in f16.
 */
const dawnOptions = ['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia'];

/**
 * A `GPU` object of Dawn's.
 * @throws GpuUnavailableError that says how to get the package, or why it does not load
 */
export async function loadDawn(): Promise<GPU> {
  let dawn: DawnModule;
  try {
    dawn = (await import('webgpu' as string)) as DawnModule;
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ERR_MODULE_NOT_FOUND';
    throw new GpuUnavailableError(
      missing
        ? 'the webgpu backend needs the package `webgpu` (Dawn, 132 MB) in Node: npm install webgpu@0.6.2 ' +
            '(in a clone of gguf-embed: npm install --no-save --save-dev webgpu@0.6.2)'
        : `the package \`webgpu\` does not load here: ${(cause as Error).message}`,
      { cause },
    );
  }
  // Without a display server Dawn's choice between OpenGL and Vulkan fails; Vulkan is the one that has compute.
  const backend = process.platform === 'linux' ? ['backend=vulkan'] : [];
  return dawn.create([...backend, ...dawnOptions]);
}
