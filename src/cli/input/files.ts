/**
 * @file Node's functions for files. An `import` of them would load promises, streams and lines of text with them at every start, which takes
 * 4 ms.
 */

/** The functions that return promises. */
export function files(): typeof import('node:fs/promises') {
  return process.getBuiltinModule('node:fs/promises');
}
