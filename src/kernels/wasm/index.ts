/**
 * @file The CPU backend: WebAssembly SIMD kernels, on one thread or on a team of workers over one shared memory.
 *
 * ## How a team works (what the worker pool has to do)
 *
 * One thread, nothing shared:
 * ```ts
 * const backend = await createWasmBackend({ precision });
 * ```
 *
 * N threads. The kernels are the same; every worker runs the same forward and computes only its own part:
 * 1. Once, on any thread: `const setup = await prepareWasm({ nThreads: N })`. It compiles the module, makes the shared
 *    memory and checks the kernels. `setup` can be sent with `postMessage` to every worker (the compiled module and the
 *    shared memory travel by reference).
 * 2. In worker `rank` (0 … N−1): `const backend = await createWasmBackend({ precision, setup, rank })`.
 * 3. Loading: every worker calls `allocate` for the same weights in the same order (which gives every worker the same
 *    addresses); each calls `fill` for its share of them. No forward may start before all have filled theirs.
 *    `loadModel(file, backend, { share: { rank, nRanks: N } })` does that.
 * 4. A forward: choose how many workers take part: `const n = suggestTeam(batch.offsets, setup.nThreads, setup.keepBlocks)`. Send the same
 *    batch (ids, positions, offsets) and `n` to the workers 0 … n−1; the others get nothing and stay asleep. Each of
 *    those calls `backend.setTeam(n)`, then exactly the same operations: `begin`, the forward, `pool`, `read`.
 *    `setTeam` holds until the next `setTeam`; it starts as `nThreads`.
 * 5. `read` resolves on rank 0 to the values and on every other rank to an empty array. All workers of the team must call
 *    it; when it resolves anywhere, no other worker touches the memory of this forward any more.
 * 6. When a worker fails inside a forward, the others of the team get an error from their `read` too (not a hang); the
 *    backend stays usable for the next forward once every member has returned. A worker that *dies* calls nothing:
 *    then call `abortTeam(setup)` on any thread, after which every member's `read` rejects; start over with a new setup.
 *
 * Work is recorded by the operations and done inside `read` (synchronously: workers wait for each other with
 * `Atomics.wait`, so in a browser ranks must be workers, not the page's own thread). Which worker computes what
 * is decided by `offsets` and `n` alone (`split.ts`); the values are the same bits for every `n`.
 *
 * Each `read` lays out the memory of its forward after the weights. Buffers are reused after their last use.
 */

export { createWasmBackend, type WasmOptions } from './backend.ts';
export { Profile } from './profile.ts';
export { abortTeam, type PrepareOptions, prepareWasm, type WasmSetup } from './setup.ts';
export { suggestTeam } from './team.ts';
