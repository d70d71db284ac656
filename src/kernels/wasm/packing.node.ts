/**
 * @file V8's experimental features of WebAssembly SIMD (Node only): 256-bit packing, and relaxed SIMD where that is not standard yet.
 */

/** The first V8 for which packing pays: Node 22 (12.4) packs only plain float32 products, Node 24 (13.6) all. */
const firstUsefulV8 = 13;

/** The first V8 that deoptimises WebAssembly, that of Node 25. */
const firstWithDeopt = 14;

/** The V8 of Node 20. */
const lastWithoutRelaxed = 11;

/**
 * Turns V8's re-vectoriser on for the whole process, for modules compiled from now on. It is an experimental feature of V8: check the
 * kernels afterwards. On a runtime without it nothing happens (setting the flag there would print an error).
 * @returns whether it is on
 */
export function enablePacking(): boolean {
  if (!(v8Major() >= firstUsefulV8) || !['x64', 'ia32'].includes(process.arch)) return false;
  setFlags('--experimental-wasm-revectorize');
  // Use the optimising compiler from the first call on, so that the start-up check tests the code that will run.
  setFlags('--no-liftoff');
  forbidDeopt();
  return true;
}

/**
 * Turns deoptimisation of WebAssembly off where V8 has it. Without Liftoff it must be off: on a command line one flag implies the other, set
 * at run time it does not, and V8 ends the process when it misses counts that Liftoff would have made. V8 also ends it if it compiles a module
 * with deoptimisation in the background at this moment. The parser of `fetch` is such a module, so this is called before the first request, too.
 */
export function forbidDeopt(): void {
  if (v8Major() >= firstWithDeopt) setFlags('--no-wasm-deopt');
}

/** Whether relaxed SIMD is experimental in this V8: that of Node 20 has it behind a flag. */
export function relaxedIsExperimental(): boolean {
  return v8Major() === lastWithoutRelaxed && process.arch === 'x64';
}

/**
 * Turns relaxed SIMD on for the whole process where it is experimental, for modules compiled from now on: check the kernels afterwards.
 * Liftoff is turned off for the reason given above.
 */
export function enableRelaxed(): void {
  setFlags('--experimental-wasm-relaxed-simd');
  setFlags('--no-liftoff');
}

/** Loads Node's module about V8 on demand: most starts set no flag. */
function setFlags(flags: string): void {
  process.getBuiltinModule('node:v8').setFlagsFromString(flags);
}

function v8Major(): number {
  return Number.parseInt(process.versions.v8 ?? '0', 10);
}

/**
 * Turns packing off for modules compiled from now on. `--no-wasm-deopt` stays set.
 */
export function disablePacking(): void {
  setFlags('--no-experimental-wasm-revectorize');
  setFlags('--liftoff');
}
