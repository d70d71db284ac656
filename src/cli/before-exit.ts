/**
 * @file Lets a command end in Node 20, which may wait for ever at its end: a thread that compiles in the background waits for a garbage collection by
 * the main thread, and that one waits for the compiler (1 to 2 of 100 runs of `trace` on busy cores). After a collection, the compiler has room.
 */

/** The first Node that does not wait so. */
const FIRST_WITHOUT = 22;

/** The last thing that a command does. */
export function collectBeforeExit(): void {
  if (Number.parseInt(process.versions.node, 10) >= FIRST_WITHOUT) return;
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  process.getBuiltinModule('node:vm').runInNewContext('gc')();
}
