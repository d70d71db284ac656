/**
 * @file The functions that the compiled module exports, and how the module is compiled and instantiated.
 */
import type { Activation } from '../../tensor/ops.ts';
import { bindKernels, gelu, geluErf, geluQuick, type Kernels, relu, silu, tanh } from './kernels.generated.ts';

export {
  type Address,
  type Count,
  expandedBytes,
  type Kernels,
  relativeBytes,
  type Stride,
  segmentBytes,
  stripBytes,
} from './kernels.generated.ts';

/** Codes of the activations in the module; 0 is no activation. */
export const activationCodes: Readonly<Record<Activation, number>> = {
  gelu,
  gelu_erf: geluErf,
  gelu_quick: geluQuick,
  silu,
  relu,
  tanh,
};

/** A compiled module and the features that it uses. Can be sent to workers. */
export interface CompiledKernels {
  readonly module: WebAssembly.Module;
  /** Whether relaxed multiply-add is in use. */
  readonly relaxed: boolean;
  /** Whether its memory can be shared. */
  readonly shared: boolean;
}

/**
 * Compiles the kernels: with relaxed SIMD if the runtime accepts it and `mayRelax` allows it.
 * @param shared for a memory that several workers share
 * @param note is stored in a custom section, so that the engine does not reuse an earlier compilation
 * @throws Error if WebAssembly SIMD is missing
 */
export async function compileKernels(
  shared: boolean,
  note?: string,
  mayRelax = true,
): Promise<CompiledKernels & { readonly bytes: Uint8Array }> {
  // On demand: ranks of a team get the compiled module.
  const { plainModule, relaxedModule } = await import('./module.generated.ts');
  for (const [text, relaxed] of [
    [relaxedModule, true],
    [plainModule, false],
  ] as const) {
    if (relaxed && !mayRelax) continue;
    const bytes = note === undefined ? decode(text) : withNote(decode(text), note);
    if (!shared) unshareMemory(bytes);
    try {
      return { module: await compile(bytes), relaxed, shared, bytes };
    } catch (error) {
      if (typeof WebAssembly === 'object' && WebAssembly.validate(bytes)) throw forbidden(error as Error) ?? error;
    }
  }
  throw new Error('the wasm backend needs WebAssembly SIMD, which this runtime lacks; use the reference backend');
}

/**
 * Compiles with a timer that keeps the event loop going. When Node 20 has nothing else to wait for, its main thread blocks until the
 * threads that compile are done. One of them may need a garbage collection, and waits for the main thread. Neither ends.
 */
async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  const timer = setInterval(() => {}, 1000);
  try {
    return await WebAssembly.compile(bytes);
  } finally {
    clearInterval(timer);
  }
}

/** The error for a page whose policy forbids to compile. Browsers word it differently. */
function forbidden(error: Error): Error | undefined {
  if (!/content security policy|\bCSP\b|unsafe-eval/i.test(error.message)) return undefined;
  const remedy = `add 'wasm-unsafe-eval' to its script-src, or use the reference backend`;
  return new Error(`the Content-Security-Policy of this page allows no WebAssembly: ${remedy}`, { cause: error });
}

/** The kernels over `memory`. */
export async function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const kernels = bindKernels(instance.exports);
  kernels.initialize();
  return kernels;
}

/** The kernels over a small separate memory, for probes. */
export async function tryKernels({
  module,
  shared,
}: CompiledKernels): Promise<{ kernels: Kernels; memory: WebAssembly.Memory }> {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared });
  return { kernels: await instantiateKernels(module, memory), memory };
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  // Node's own decoder takes 0.1 ms, the loop 4.
  const { Buffer } = globalThis as {
    Buffer?: { from(text: string, encoding: 'base64'): Uint8Array<ArrayBuffer> };
  };
  if (Buffer !== undefined) return Buffer.from(text, 'base64');
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** Appends a custom section with an empty name (id 0, size, name length 0, content). */
function withNote(bytes: Uint8Array, note: string): Uint8Array<ArrayBuffer> {
  const content = new TextEncoder().encode(note);
  const made = new Uint8Array(bytes.length + content.length + 3);
  made.set(bytes);
  made.set([0, content.length + 1, 0, ...content], bytes.length);
  return made;
}

/** Clears the `shared` bit of the imported memory: `"memory"`, kind 2 (memory), limits flags 3 (shared, with a maximum). */
function unshareMemory(bytes: Uint8Array): void {
  const pattern = [6, ...new TextEncoder().encode('memory'), 2, 3];
  const at = bytes.findIndex((_, i) => pattern.every((value, j) => bytes[i + j] === value));
  if (at < 0) throw new Error('the embedded kernel module does not import a shared memory; build it again');
  bytes[at + pattern.length - 1] = 1;
}
