/**
 * @file V8's 256-bit packing of WebAssembly SIMD (Node only).
 */
import v8 from 'node:v8';

/** The first V8 for which packing pays: Node 22 (12.4) packs only plain float32 products, Node 24 (13.6) all. */
const firstUsefulV8 = 13;

/**
 * Turns V8's re-vectoriser on for the whole process, for modules compiled from now on. It is an experimental feature of V8: check the
 * kernels afterwards. On a runtime without it nothing happens (setting the flag there would print an error).
 * @returns whether it is on
 */
export function enablePacking(): boolean {
  const major = Number.parseInt(process.versions.v8 ?? '0', 10);
  if (!(major >= firstUsefulV8) || !['x64', 'ia32'].includes(process.arch)) return false;
  v8.setFlagsFromString('--experimental-wasm-revectorize');
  // Use the optimising compiler from the first call on, so that the start-up check tests the code that will run.
  v8.setFlagsFromString('--no-liftoff');
  // On a command line, the flag above implies this one. Set at run time it does not, and Node 26 then crashes in the compiler, which looks
  // for counts that Liftoff would have made.
  v8.setFlagsFromString('--no-wasm-deopt');
  return true;
}

/**
 * Turns packing off for modules compiled from now on. `--no-wasm-deopt` stays set, because its previous value differs from version to
 * version.
 */
export function disablePacking(): void {
  v8.setFlagsFromString('--no-experimental-wasm-revectorize');
  v8.setFlagsFromString('--liftoff');
}
