/**
 * @file The CPU backend: WebAssembly SIMD kernels, on one thread or on a team of workers over one shared memory.
 *
 * ## How a team works (for the author of a worker pool)
 *
 * One thread, nothing shared:
 * ```ts
 * const backend = await createWasmBackend({ precision });
 * ```
 * With `yields: true`, a forward lets the thread do other work between two steps. What else is asked for in the meantime, another forward or
 * the filling of a weight, begins when it has ended.
 *
 * N threads. Every worker runs the same forward on the same kernels and computes only its own part:
 * 1. Once, on any thread: `const setup = await prepareWasm({ nThreads: N })`. It compiles the module, makes the shared memory and checks
 *    the kernels. Send `setup` to every worker with `postMessage` (the compiled module and the shared memory are passed by reference).
 * 2. In worker `rank` (0 … N−1): `const backend = await createWasmBackend({ precision, setup, rank })`.
 * 3. Loading: every worker calls `allocate` for the same weights in the same order (which gives every worker the same addresses); each
 *    calls `fill` for its share of them. No forward may start, and no worker may allocate more,
 *    before all have filled: filling uses memory past the weights. `loadModel(file, backend, { share: { rank,
 *    nRanks: N } })` does this.
 * 4. A forward: choose the number of workers: `const n = suggestTeam(batch.offsets, setup)`. Send the same batch
 *    (ids, positions, offsets) and `n` to the workers 0 … n−1; the others stay asleep. Each of these workers calls `backend.setTeam(n)`,
 *    then exactly the same operations: `begin`, the forward, `pool`, `read`. `setTeam` holds until the next `setTeam`; it starts as
 *    `nThreads`.
 * 5. `read` resolves on rank 0 to the values and on every other rank to an empty array. All workers of the team must call it; once it
 *    resolves on one worker, no worker accesses the memory of this forward any more.
 * 6. When a worker fails inside a forward, the others of the team get an error from their `read` too (not a hang); the backend stays usable
 *    for the next forward once every member has returned. A worker that *dies* cannot tell the others: call `abortTeam(setup)` on any
 *    thread. Every member's `read` then rejects; start again with a new setup.
 *
 * 7. Workers may also compute different batches at the same time: `backend.setAlone()` in each, until its next `setTeam`. No forward of the team
 *    may be under way then, and `read` resolves to the values on each of them.
 *
 * Operations record work; `read` does it. In a team it is synchronous: workers wait for each other with `Atomics.wait`, so in a browser every rank
 * must be a worker and not the page's thread. Only `offsets`, `n` and thresholds in the shared memory decide which worker computes what
 * (`split.ts`); the values have the same bits whatever they are. Between two forwards, once the code is warm, all workers may call `measure`;
 * with what rank 0 returns, `setThresholds(setup, thresholdsFor(…))` on any thread fits the thresholds to the machine.
 *
 * Each `read` places the memory of its forward after the weights. Buffers are reused after their last use.
 */

export { createWasmBackend, type WasmBackend, type WasmOptions } from './backend.ts';
export { Profile } from './profile.ts';
export { abortTeam, type PrepareOptions, prepareWasm, setThresholds, suggestTeam, type WasmSetup } from './setup.ts';
export { leastCosts, type MachineCosts, type ModelSize, thresholdsFor } from './thresholds.ts';
