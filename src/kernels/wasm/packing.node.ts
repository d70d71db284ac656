/**
 * @file V8's 256-bit packing of WebAssembly SIMD (Node only).
 */
import v8 from 'node:v8';

/** The first V8 whose packing is worth having: Node 22 (12.4) packs only plain float32 products, Node 24 (13.6) all. */
const firstUsefulV8 = 13;

/**
 * Turns V8's re-vectoriser on for the whole process, for modules compiled from now on. It is an experiment of V8's: check
 * the kernels afterwards. A runtime without it is left as it is (naming the flag there would print an error).
 * @returns whether it is on
 */
export function enablePacking(): boolean {
  const major = Number.parseInt(process.versions.v8 ?? '0', 10);
  if (!(major >= firstUsefulV8) || !['x64', 'ia32'].includes(process.arch)) return false;
  v8.setFlagsFromString('--experimental-wasm-revectorize');
  // The optimising compiler from the first call on, so that what is checked at start-up is what will run.
  v8.setFlagsFromString('--no-liftoff');
  // On a command line the flag before implies this one. Set at run time it does not, and Node 26 then ends in the compiler,
  // which looks for what Liftoff would have counted.
  v8.setFlagsFromString('--no-wasm-deopt');
  return true;
}

/** Ends packing for modules compiled from now on. `--no-wasm-deopt` stays: what it was before differs from version to version. */
export function disablePacking(): void {
  v8.setFlagsFromString('--no-experimental-wasm-revectorize');
  v8.setFlagsFromString('--liftoff');
}
