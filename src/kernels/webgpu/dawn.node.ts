/**
 * @file WebGPU for Node: the optional package `webgpu` (Dawn), loaded on demand.
 */
import { GpuUnavailableError } from './errors.ts';

/** The part of the package that this file uses. */
interface DawnModule {
  create(options: string[]): GPU;
}

/**
 * Dawn's switches for the experimental subgroup matrix and, on NVIDIA, `shader-f16`; Dawn hides both by default, even if the adapter
 * supports them. Kernels store values as f16 and multiply them with subgroup matrices after a check; no kernel adds in f16.
 */
const dawnOptions = ['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia'];

/**
 * A `GPU` object of Dawn.
 * @throws GpuUnavailableError that says how to install the package, or why it does not load
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
  // Without a display server, Dawn's choice between OpenGL and Vulkan fails. Vulkan is the one with compute shaders.
  const backend = process.platform === 'linux' ? ['backend=vulkan'] : [];
  return dawn.create([...backend, ...dawnOptions]);
}
